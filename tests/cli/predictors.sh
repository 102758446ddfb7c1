# One predictor with its options; MAPLE-X's are among maple's and are off.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
try predictors gp
maple predictors maple | grep -E '^(OPTION|counters|virtual|similarity)'
maple predictors maple --json | grep -A 3 '"similarity"'
maple predictors | wc -l
try predictors maples
try predictors gp maple
