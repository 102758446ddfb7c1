# The report in a browser: no message, nothing fetched, and a screenshot beside the program (report-screenshot.png).
browser=$(command -v chromium || command -v chromium-browser) || { echo 'chromium is not installed (Debian: apt install chromium): no screenshot'; exit 77; }
command -v gnuplot >/dev/null 2>&1 || { echo 'gnuplot is not installed: no figures to look at'; exit 77; }
export MAPLE_BUNDLED_POOL="$CASES/../../data/pool.db"
folder=$(dirname "$(readlink -f "$(command -v maple)")")
maple report --platform xeon-2.50ghz-onednn-avx2-1t-b1-pruned --predictor gp,lut-fit --leave-out family --output report.html || exit 1
"$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-background-networking --disable-component-update \
    --disable-sync --user-data-dir="$HOME/browser" --enable-logging=stderr --log-net-log="$PWD/net.json" --window-size=1060,5600 \
    --screenshot="$PWD/shot.png" "file://$PWD/report.html" >talk 2>&1
echo "exit $?"
grep 'CONSOLE' talk
# The browser's own housekeeping aside.
grep -oE '"url":"(https?|ftp|wss?)://[^"]*"' net.json | grep -vE '://([a-z0-9-]+\.)*(google|googleapis|gvt1)\.com/' | sort -u
head -c 8 shot.png | od -An -c
cp shot.png "$folder/report-screenshot.png" && echo 'screenshot kept'
