# Written by maple. Run in this folder: gnuplot draws the SVG and the PNG again.
data = 'predictions.tsv'
svg = 'predictions.svg'
png = 'predictions.png'
set encoding utf8
set datafile separator "\t"
do for [picture in 'svg png'] {
if (picture eq 'svg') {
    set terminal svg size 1370,540 noenhanced font 'sans-serif,14' background '#ffffff'
    set output svg
} else {
    set terminal pngcairo size 2740,1080 noenhanced font 'sans,11' fontscale 2 linewidth 2 pointscale 2 background '#ffffff'
    set output png
}
set border lw 1 lc rgb '#444444'
set tics nomirror textcolor rgb '#000000'
set multiplot
set label 1 'xeon-xnnpack-avx512-1t-b1-pruned from platforms of another CPU and 10 samples' at screen 0.0109,0.9593 font ',16'
set label 2 'grey bands and shares: within ±1, ±5 and ±10 % of the measured latency' at screen 0.0109,0.9148 font ',12' tc rgb '#444444'
set lmargin at screen 0.0613
set rmargin at screen 0.3241
set tmargin at screen 0.7704
set bmargin at screen 0.1037
set logscale xy
set samples 200
set xrange [0.134290179:4.13120392]
set yrange [0.134290179:4.13120392]
set border 15
set xlabel 'measured (ms)' offset 0,0.4
set ylabel 'predicted (ms)' offset -0.2
unset xtics
unset ytics
set format '%h'
set xtics nomirror font ',13' offset 0,0 tc rgb '#000000'
set ytics nomirror font ',13' tc rgb '#000000'
set tics scale 0.6
unset key
set xtics ('0.2' 0.2, '0.5' 0.5, '1' 1, '2' 2)
set ytics ('0.2' 0.2, '0.5' 0.5, '1' 1, '2' 2)
set label 3 'gp' at graph 0.5,1.115 center font ',15'
set label 4 '±1 %: 17 %   ±5 %: 68 %   ±10 %: 90 %' at graph 0.5,1.045 center font ',12'
plot '+' using 1:($1*0.9):($1*1.1) with filledcurves fs solid noborder lc rgb '#e2e2e2', \
  '+' using 1:($1*0.95):($1*1.05) with filledcurves fs solid noborder lc rgb '#c6c6c6', \
  '+' using 1:($1*0.99):($1*1.01) with filledcurves fs solid noborder lc rgb '#909090', \
  data skip 1 using ($1 == 1 && $5 == 1 ? $2 : NaN):3 with points pt 7 ps 0.22 lc rgb '#0072B2', \
  x with lines lw 0.8 lc rgb '#000000'
unset label 3
unset label 4
unset label 1
unset label 2
set lmargin at screen 0.2164
set rmargin at screen 0.3057
set tmargin at screen 0.2970
set bmargin at screen 0.1637
unset logscale
unset xlabel
unset ylabel
set xrange [-22:22]
set yrange [0:*]
set xtics nomirror ('< -20' -21, '0' 0, '> 20' 21) font ',10' offset 0,0.5
unset ytics
set border 1
set label 5 'relative error (%)' at graph 0.5,1.12 center font ',10'
set style fill solid noborder
set boxwidth 1.8
set object 2 rectangle from graph -0.19,-0.26 to graph 1.19,1.26 noclip fc rgb '#ffffff' fs solid border lc rgb '#bbbbbb' lw 0.7 behind
bin(e) = 2 * (floor((e > 21 ? 21 : e < -21 ? -21 : e) / 2) + 0.5)
plot data skip 1 using ($1 == 1 ? bin($4) : NaN):(1.0 / 883) smooth frequency with boxes lc rgb '#D55E00'
unset object 2
unset label 5
set lmargin at screen 0.3883
set rmargin at screen 0.6511
set tmargin at screen 0.7704
set bmargin at screen 0.1037
set logscale xy
set samples 200
set xrange [0.134290179:4.13120392]
set yrange [0.134290179:4.13120392]
set border 15
set xlabel 'measured (ms)' offset 0,0.4
set ylabel 'predicted (ms)' offset -0.2
unset xtics
unset ytics
set format '%h'
set xtics nomirror font ',13' offset 0,0 tc rgb '#000000'
set ytics nomirror font ',13' tc rgb '#000000'
set tics scale 0.6
unset key
set xtics ('0.2' 0.2, '0.5' 0.5, '1' 1, '2' 2)
set ytics ('0.2' 0.2, '0.5' 0.5, '1' 1, '2' 2)
set label 3 'maple' at graph 0.5,1.115 center font ',15'
set label 4 '±1 %: 24 %   ±5 %: 82 %   ±10 %: 98 %' at graph 0.5,1.045 center font ',12'
plot '+' using 1:($1*0.9):($1*1.1) with filledcurves fs solid noborder lc rgb '#e2e2e2', \
  '+' using 1:($1*0.95):($1*1.05) with filledcurves fs solid noborder lc rgb '#c6c6c6', \
  '+' using 1:($1*0.99):($1*1.01) with filledcurves fs solid noborder lc rgb '#909090', \
  data skip 1 using ($1 == 2 && $5 == 1 ? $2 : NaN):3 with points pt 7 ps 0.22 lc rgb '#0072B2', \
  x with lines lw 0.8 lc rgb '#000000'
unset label 3
unset label 4
unset label 1
unset label 2
set lmargin at screen 0.5434
set rmargin at screen 0.6327
set tmargin at screen 0.2970
set bmargin at screen 0.1637
unset logscale
unset xlabel
unset ylabel
set xrange [-22:22]
set yrange [0:*]
set xtics nomirror ('< -20' -21, '0' 0, '> 20' 21) font ',10' offset 0,0.5
unset ytics
set border 1
set label 5 'relative error (%)' at graph 0.5,1.12 center font ',10'
set style fill solid noborder
set boxwidth 1.8
set object 2 rectangle from graph -0.19,-0.26 to graph 1.19,1.26 noclip fc rgb '#ffffff' fs solid border lc rgb '#bbbbbb' lw 0.7 behind
bin(e) = 2 * (floor((e > 21 ? 21 : e < -21 ? -21 : e) / 2) + 0.5)
plot data skip 1 using ($1 == 2 ? bin($4) : NaN):(1.0 / 883) smooth frequency with boxes lc rgb '#D55E00'
unset object 2
unset label 5
set lmargin at screen 0.7153
set rmargin at screen 0.9781
set tmargin at screen 0.7704
set bmargin at screen 0.1037
set logscale xy
set samples 200
set xrange [0.134290179:4.13120392]
set yrange [0.134290179:4.13120392]
set border 15
set xlabel 'measured (ms)' offset 0,0.4
set ylabel 'predicted (ms)' offset -0.2
unset xtics
unset ytics
set format '%h'
set xtics nomirror font ',13' offset 0,0 tc rgb '#000000'
set ytics nomirror font ',13' tc rgb '#000000'
set tics scale 0.6
unset key
set xtics ('0.2' 0.2, '0.5' 0.5, '1' 1, '2' 2)
set ytics ('0.2' 0.2, '0.5' 0.5, '1' 1, '2' 2)
set label 3 'lut-fit' at graph 0.5,1.115 center font ',15'
set label 4 '±1 %: 12 %   ±5 %: 54 %   ±10 %: 82 %' at graph 0.5,1.045 center font ',12'
plot '+' using 1:($1*0.9):($1*1.1) with filledcurves fs solid noborder lc rgb '#e2e2e2', \
  '+' using 1:($1*0.95):($1*1.05) with filledcurves fs solid noborder lc rgb '#c6c6c6', \
  '+' using 1:($1*0.99):($1*1.01) with filledcurves fs solid noborder lc rgb '#909090', \
  data skip 1 using ($1 == 3 && $5 == 1 ? $2 : NaN):3 with points pt 7 ps 0.22 lc rgb '#0072B2', \
  x with lines lw 0.8 lc rgb '#000000'
unset label 3
unset label 4
unset label 1
unset label 2
set lmargin at screen 0.7350
set rmargin at screen 0.8244
set tmargin at screen 0.7137
set bmargin at screen 0.5804
unset logscale
unset xlabel
unset ylabel
set xrange [-22:22]
set yrange [0:*]
set xtics nomirror ('< -20' -21, '0' 0, '> 20' 21) font ',10' offset 0,0.5
unset ytics
set border 1
set label 5 'relative error (%)' at graph 0.5,1.12 center font ',10'
set style fill solid noborder
set boxwidth 1.8
set object 2 rectangle from graph -0.19,-0.26 to graph 1.19,1.26 noclip fc rgb '#ffffff' fs solid border lc rgb '#bbbbbb' lw 0.7 behind
bin(e) = 2 * (floor((e > 21 ? 21 : e < -21 ? -21 : e) / 2) + 0.5)
plot data skip 1 using ($1 == 3 ? bin($4) : NaN):(1.0 / 883) smooth frequency with boxes lc rgb '#D55E00'
unset object 2
unset label 5
unset multiplot
unset output
reset
}
