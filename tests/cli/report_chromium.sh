# Reports in a browser: no message, nothing fetched, nothing cut off, printed, and screenshots beside the program
# (report-platform.png, report-evaluation.png).
browser=$(command -v chromium || command -v chromium-browser) || { echo 'chromium is not installed (Debian: apt install chromium): no screenshot'; exit 77; }
command -v gnuplot >/dev/null 2>&1 || { echo 'gnuplot is not installed: no figures to look at'; exit 77; }
export MAPLE_BUNDLED_POOL="$CASES/../../data/pool.db"
folder=$(dirname "$(readlink -f "$(command -v maple)")")
# With flagged labels, whose table has the longest words.
maple report --platform xeon-onednn-avx512-1t-b1-pruned --predictor gp,lut-fit --leave-out family --output platform.html || exit 1
maple evaluate --bundled --platforms xeon-2.50ghz-blas-avx2-1t-b1-pruned,xeon-2.50ghz-onednn-avx2-1t-b1-pruned,xeon-xnnpack-avx2-1t-b1-pruned --leave-out family --samples 3,10 --trials 2 \
    --predictor gp,lut-fit --json 2>talk >rows.json || { cat talk; exit 1; }
maple report --evaluation rows.json --output evaluation.html || exit 1
open_in_browser() {
    "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-background-networking --disable-component-update \
        --disable-sync --user-data-dir="$HOME/browser" --enable-logging=stderr --log-net-log="$PWD/net.json" --window-size=1060,5600 "$@" >talk 2>&1
    echo "exit $?"
    grep 'CONSOLE' talk
    # The browser's own housekeeping aside, which asks for no fonts and no scripts.
    grep -oE '"url":"(https?|ftp|wss?)://[^"]*"' net.json | sort -u >asked
    grep -vE '://([a-z0-9-]+\.)*(google|googleapis|gvt1)\.com/' asked
    grep -E '://(fonts|ajax)\.' asked
}
for page in platform evaluation; do
    echo "--- $page"
    # In the page: nothing is wider than the window, so nothing is cut off and no table has a scrollbar.
    sed 's|</body>|<script>document.title="wide: "+[...document.querySelectorAll(".wide")].filter(e=>e.scrollWidth>e.clientWidth).length+" of "+(document.querySelectorAll(".wide").length>0)+", "+(document.documentElement.scrollWidth<=innerWidth)</script></body>|' \
        $page.html >measured.html
    "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$HOME/browser" --window-size=1060,5600 --dump-dom "file://$PWD/measured.html" \
        2>talk | grep -m1 -o '<title>[^<]*'
    open_in_browser --screenshot="$PWD/shot.png" "file://$PWD/$page.html"
    head -c 8 shot.png | od -An -c
    cp shot.png "$folder/report-$page.png" && echo 'screenshot kept'
    open_in_browser --print-to-pdf="$PWD/print.pdf" "file://$PWD/$page.html"
    head -c 5 print.pdf && echo
done
