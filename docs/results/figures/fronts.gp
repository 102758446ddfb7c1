# Written by maple. Run in this folder: gnuplot draws the SVG and the PNG again.
data = 'fronts.tsv'
svg = 'fronts.svg'
png = 'fronts.png'
set encoding utf8
set datafile separator "\t"
do for [picture in 'svg png'] {
if (picture eq 'svg') {
    set terminal svg size 860,580 noenhanced font 'sans-serif,14' background '#ffffff'
    set output svg
} else {
    set terminal pngcairo size 1720,1160 noenhanced font 'sans,11' fontscale 2 linewidth 2 pointscale 2 background '#ffffff'
    set output png
}
set border lw 1 lc rgb '#444444'
set tics nomirror textcolor rgb '#000000'
set title 'Pareto fronts, gold_6226' font ',16'
set border 3
set grid lc rgb '#e4e4e4' lt 1
set rmargin 3
set key bottom right opaque spacing 1.15 samplen 4 font ',12'
set xrange [1.90683811:21.4259105]
set yrange [53.083655:74.669695]
set xlabel 'latency (ms), logarithmic'
set ylabel 'CIFAR-100 accuracy (%)'
set label 1 'below the frame: 3 points' at graph 1,1.03 right font ',12' tc rgb '#444444'
set logscale x
set xtics ('2' 2, '3' 3, '4' 4, '5' 5, '7' 7, '10' 10, '15' 15, '20' 20)
set datafile missing NaN
plot data skip 1 using ($1 == 1 && $4 == 0 ? $2 : NaN):3 with points pt 7 ps 0.35 lc rgb '#000000' notitle, \
  data skip 1 using ($1 == 1 && $4 == 1 ? $2 : NaN):3 with steps lw 2.4 dt 1 lc rgb '#000000' notitle, \
  data skip 1 using ($1 == 1 && $4 == 1 ? $2 : NaN):3 with points pt 7 ps 0.45 lc rgb '#000000' notitle, \
  keyentry with linespoints lw 2.4 dt 1 pt 7 ps 0.45 lc rgb '#000000' title 'true front', \
  data skip 1 using ($1 == 2 && $4 == 0 ? $2 : NaN):3 with points pt 6 ps 0.35 lc rgb '#0072B2' notitle, \
  data skip 1 using ($1 == 2 && $4 == 1 ? $2 : NaN):3 with steps lw 1.2 dt '.' lc rgb '#0072B2' notitle, \
  data skip 1 using ($1 == 2 && $4 == 1 ? $2 : NaN):3 with points pt 6 ps 0.60 lc rgb '#0072B2' notitle, \
  keyentry with linespoints lw 1.2 dt '.' pt 6 ps 0.60 lc rgb '#0072B2' title 'gp, 10 samples, at predicted latency', \
  data skip 1 using ($1 == 4 && $4 == 0 ? $2 : NaN):3 with points pt 4 ps 0.35 lc rgb '#D55E00' notitle, \
  data skip 1 using ($1 == 4 && $4 == 1 ? $2 : NaN):3 with steps lw 1.2 dt '.' lc rgb '#D55E00' notitle, \
  data skip 1 using ($1 == 4 && $4 == 1 ? $2 : NaN):3 with points pt 4 ps 0.60 lc rgb '#D55E00' notitle, \
  keyentry with linespoints lw 1.2 dt '.' pt 4 ps 0.60 lc rgb '#D55E00' title 'nearest, 10 samples, at predicted latency', \
  data skip 1 using ($1 == 3 && $4 == 0 ? $2 : NaN):3 with points pt 7 ps 0.35 lc rgb '#0072B2' notitle, \
  data skip 1 using ($1 == 3 && $4 == 1 ? $2 : NaN):3 with steps lw 1.8 dt 1 lc rgb '#0072B2' notitle, \
  data skip 1 using ($1 == 3 && $4 == 1 ? $2 : NaN):3 with points pt 7 ps 0.75 lc rgb '#0072B2' notitle, \
  keyentry with linespoints lw 1.8 dt 1 pt 7 ps 0.75 lc rgb '#0072B2' title 'gp, 10 samples, at true latency', \
  data skip 1 using ($1 == 5 && $4 == 0 ? $2 : NaN):3 with points pt 5 ps 0.35 lc rgb '#D55E00' notitle, \
  data skip 1 using ($1 == 5 && $4 == 1 ? $2 : NaN):3 with steps lw 1.8 dt '-' lc rgb '#D55E00' notitle, \
  data skip 1 using ($1 == 5 && $4 == 1 ? $2 : NaN):3 with points pt 5 ps 0.75 lc rgb '#D55E00' notitle, \
  keyentry with linespoints lw 1.8 dt '-' pt 5 ps 0.75 lc rgb '#D55E00' title 'nearest, 10 samples, at true latency'
unset multiplot
unset output
reset
}
