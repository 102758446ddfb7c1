# Written by maple. Run in this folder: gnuplot draws the SVG and the PNG again.
data = 'distances.tsv'
map = 'distances-map.tsv'
svg = 'distances.svg'
png = 'distances.png'
set encoding utf8
set datafile separator "\t"
do for [picture in 'svg png'] {
if (picture eq 'svg') {
    set terminal svg size 1589,630 noenhanced font 'sans-serif,14' background '#ffffff'
    set output svg
} else {
    set terminal pngcairo size 3178,1260 noenhanced font 'sans,11' fontscale 2 linewidth 2 pointscale 2 background '#ffffff'
    set output png
}
set border lw 1 lc rgb '#444444'
set tics nomirror textcolor rgb '#000000'
unit = 'standard deviations'
set multiplot
set label 1 'Distance between hardware descriptors' at screen 0.0094,0.9619 font ',16'
set label 2 'names without xeon-' at screen 0.0094,0.9206 font ',12' tc rgb '#444444'
set lmargin at screen 0.2638
set rmargin at screen 0.5659
set tmargin at screen 0.8730
set bmargin at screen 0.1111
set xrange [0.5:24.5]
set yrange [24.5:0.5]
set size noratio
unset key
set tics scale 0
unset border
set ytics ('2.50ghz-blas-avx2-1t-b1-pruned  1' 1, '2.50ghz-blas-avx512-1t-b1-as-written  2' 2, '2.50ghz-blas-avx512-1t-b1-pruned  3' 3, '2.50ghz-onednn-avx2-1t-b1-pruned  4' 4, '2.50ghz-onednn-avx512-1t-b1-as-written  5' 5, '2.50ghz-onednn-avx512-1t-b1-pruned  6' 6, '2.50ghz-onednn-avx512-1t-b8-pruned  7' 7, '2.50ghz-onednn-avx512-2t-b1-pruned  8' 8, '2.50ghz-onednn-avx512_vnni-int8-1t-b1-pruned  9' 9, '2.50ghz-onednn-sse41-1t-b1-pruned  10' 10, '2.50ghz-xnnpack-avx2-1t-b1-pruned  11' 11, '2.50ghz-xnnpack-avx512-1t-b1-as-written  12' 12, '2.50ghz-xnnpack-avx512-1t-b1-pruned  13' 13, '2.50ghz-xnnpack-avx512-2t-b1-pruned  14' 14, '2.50ghz-xnnpack-sse2-1t-b1-pruned  15' 15, 'blas-avx512-1t-b1-pruned  16' 16, 'onednn-amx-bf16-1t-b1-pruned  17' 17, 'onednn-amx-int8-1t-b1-pruned  18' 18, 'onednn-avx2-1t-b1-pruned  19' 19, 'onednn-avx512-1t-b1-pruned  20' 20, 'onednn-avx512_bf16-bf16-1t-b1-pruned  21' 21, 'onednn-avx512_vnni-int8-1t-b1-pruned  22' 22, 'xnnpack-avx2-1t-b1-pruned  23' 23, 'xnnpack-avx512-1t-b1-pruned  24' 24)
set xtics ('1' 1, '2' 2, '3' 3, '4' 4, '5' 5, '6' 6, '7' 7, '8' 8, '9' 9, '10' 10, '11' 11, '12' 12, '13' 13, '14' 14, '15' 15, '16' 16, '17' 17, '18' 18, '19' 19, '20' 20, '21' 21, '22' 22, '23' 23, '24' 24)
set xtics font ',11'
set palette defined (0 '#ffffd9', 1 '#c7e9b4', 2 '#7fcdbb', 3 '#41b6c4', 4 '#1d91c0', 5 '#225ea8', 6 '#0c2c84')
set cbrange [0:2.537903]
set cbtics out scale 0.5
set object 1 rectangle from graph 0,0 to graph 1,1 fc rgb '#dddddd' fs solid noborder behind
set cblabel unit offset 0.5
plot data skip 1 using 2:1:(0.5):(0.5):3 with boxxyerror fs solid lc palette
unset object 1
unset colorbox
unset label 1
unset label 2
set lmargin at screen 0.6823
set rmargin at screen 0.9844
set tmargin at screen 0.8730
set bmargin at screen 0.1111
set border 15
set tics scale 0.5 autofreq
set xtics autofreq font ''
set ytics autofreq
set xrange [-1.14266056:1.92996106]
set yrange [-1.38512986:1.68749176]
set grid lc rgb '#e4e4e4' lt 1
set style textbox opaque noborder fc rgb 'white' margins 0.3,0.3
set xlabel unit offset 0,0.3
set title 'In a plane (55 % of the spread)' font ',14' offset 0,-0.5
plot map skip 1 using 2:3:($4 - $2):($5 - $3) with vectors nohead lc rgb '#999999' lw 0.7, \
  map skip 1 using 4:5:(sprintf('%d', $1)) with labels center font ',12' boxed, \
  map skip 1 using 2:3 with points pt 7 ps 0.7 lc rgb '#D55E00'
unset multiplot
unset output
reset
}
