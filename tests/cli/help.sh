# Every command answers --help on stdout with usage, options and an example, exit code 0.
for command in quickstart doctor profile measure fit predict suggest search pareto candidates evaluate "pool list" "pool show" "pool distances" "pool export" \
    "pool import" "pool merge" "pool remove" "figure distances" "figure predictions" "figure fronts" "figure curve" report spaces engines predictors; do
    # shellcheck disable=SC2086
    maple $command --help >out 2>err || echo "maple $command --help: exit $?"
    [ -s err ] && cat err
    grep -q "^Usage: maple $command" out || echo "$command: no usage"
    grep -q "^  --help" out || echo "$command: no options"
    grep -q "^  maple $command\|^  .*| maple $command" out || echo "$command: no example"
    awk 'length($0) > 130 {print "long line: " $0}' out
    maple --help | grep -q "^  $command " || echo "$command: not in maple --help"
done
echo done
