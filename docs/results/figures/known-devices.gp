# Written by maple. Run in this folder: gnuplot draws the SVG and the PNG again.
data = 'known-devices.tsv'
svg = 'known-devices.svg'
png = 'known-devices.png'
set encoding utf8
set datafile separator "\t"
do for [picture in 'svg png'] {
if (picture eq 'svg') {
    set terminal svg size 860,540 noenhanced font 'sans-serif,14' background '#ffffff'
    set output svg
} else {
    set terminal pngcairo size 1720,1080 noenhanced font 'sans,11' fontscale 2 linewidth 2 pointscale 2 background '#ffffff'
    set output png
}
set border lw 1 lc rgb '#444444'
set tics nomirror textcolor rgb '#000000'
set title '10 samples (maple: and 10 references), 900 of each known device (bars: ± 1 standard deviation)' font ',11.1'
set border 3
set grid lc rgb '#e4e4e4' lt 1
set bars 0.6
set key outside right center spacing 1.3 samplen 4 font ',13'
set yrange [60:94.6873091]
set ytics 10
set xrange [0.5:7.5]
set xtics ('1' 1, '2' 2, '3' 3, '5' 5, '7' 7)
set xlabel 'known devices that are learned from'
set ylabel 'networks predicted within ±10 % (%)'
plot data skip 1 using ($1 == 1 ? $2 + -0.054 : NaN):($3 * 100):($4 * 100) with yerrorbars lw 1.1 pt -1 ps 0 lc rgb '#0072B2' notitle, \
  data skip 1 using ($1 == 1 ? $2 + -0.054 : NaN):($3 * 100) with linespoints lw 2 dt 1 pt 7 ps 0.9 lc rgb '#0072B2' title 'gp', \
  data skip 1 using ($1 == 2 ? $2 + -0.018 : NaN):($3 * 100):($4 * 100) with yerrorbars lw 1.1 pt -1 ps 0 lc rgb '#D55E00' notitle, \
  data skip 1 using ($1 == 2 ? $2 + -0.018 : NaN):($3 * 100) with linespoints lw 2 dt '-' pt 5 ps 0.9 lc rgb '#D55E00' title 'nearest', \
  data skip 1 using ($1 == 3 ? $2 + 0.018 : NaN):($3 * 100):($4 * 100) with yerrorbars lw 1.1 pt -1 ps 0 lc rgb '#009E73' notitle, \
  data skip 1 using ($1 == 3 ? $2 + 0.018 : NaN):($3 * 100) with linespoints lw 2 dt '.' pt 9 ps 0.9 lc rgb '#009E73' title 'scratch', \
  data skip 1 using ($1 == 4 ? $2 + 0.054 : NaN):($3 * 100):($4 * 100) with yerrorbars lw 1.1 pt -1 ps 0 lc rgb '#CC79A7' notitle, \
  data skip 1 using ($1 == 4 ? $2 + 0.054 : NaN):($3 * 100) with linespoints lw 2 dt '_. ' pt 13 ps 0.9 lc rgb '#CC79A7' title 'maple'
unset multiplot
unset output
reset
}
