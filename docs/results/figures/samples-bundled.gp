# Written by maple. Run in this folder: gnuplot draws the SVG and the PNG again.
data = 'samples-bundled.tsv'
svg = 'samples-bundled.svg'
png = 'samples-bundled.png'
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
set title 'Bundled platforms, each from those of other families (bars: ± 1 standard deviation)' font ',12.6'
set border 3
set grid lc rgb '#e4e4e4' lt 1
set bars 0.6
set key outside right center spacing 1.3 samplen 4 font ',13'
set yrange [40:101.181184]
set ytics 20
set xrange [2.15:20.85]
set xtics ('3' 3, '5' 5, '10' 10, '20' 20)
set xlabel 'networks measured on the device'
set ylabel 'networks predicted within ±10 % (%)'
plot data skip 1 using ($1 == 1 ? $2 + -0.204 : NaN):($3 * 100):($4 * 100) with yerrorbars lw 1.1 pt -1 ps 0 lc rgb '#0072B2' notitle, \
  data skip 1 using ($1 == 1 ? $2 + -0.204 : NaN):($3 * 100) with linespoints lw 2 dt 1 pt 7 ps 0.9 lc rgb '#0072B2' title 'gp', \
  data skip 1 using ($1 == 2 ? $2 + -0.102 : NaN):($3 * 100):($4 * 100) with yerrorbars lw 1.1 pt -1 ps 0 lc rgb '#D55E00' notitle, \
  data skip 1 using ($1 == 2 ? $2 + -0.102 : NaN):($3 * 100) with linespoints lw 2 dt '-' pt 5 ps 0.9 lc rgb '#D55E00' title 'maple', \
  data skip 1 using ($1 == 3 ? $2 + 0 : NaN):($3 * 100):($4 * 100) with yerrorbars lw 1.1 pt -1 ps 0 lc rgb '#009E73' notitle, \
  data skip 1 using ($1 == 3 ? $2 + 0 : NaN):($3 * 100) with linespoints lw 2 dt '.' pt 9 ps 0.9 lc rgb '#009E73' title 'lut-fit', \
  data skip 1 using ($1 == 4 ? $2 + 0.102 : NaN):($3 * 100):($4 * 100) with yerrorbars lw 1.1 pt -1 ps 0 lc rgb '#CC79A7' notitle, \
  data skip 1 using ($1 == 4 ? $2 + 0.102 : NaN):($3 * 100) with linespoints lw 2 dt '_. ' pt 13 ps 0.9 lc rgb '#CC79A7' title 'scratch', \
  data skip 1 using ($1 == 5 ? $2 + 0.204 : NaN):($3 * 100):($4 * 100) with yerrorbars lw 1.1 pt -1 ps 0 lc rgb '#E69F00' notitle, \
  data skip 1 using ($1 == 5 ? $2 + 0.204 : NaN):($3 * 100) with linespoints lw 2 dt '__ ' pt 11 ps 0.9 lc rgb '#E69F00' title 'flops'
unset multiplot
unset output
reset
}
