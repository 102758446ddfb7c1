/* SPDX-License-Identifier: Apache-2.0 */
/* Where the numbers of points go, so that they cover neither points nor each other. */
#include "report/draw.h"

#include <math.h>

/* In shares of the axes' length, which is the same for both: figures of two digits at font size 12, and a
 * point, in a plane of 400 pixels. */
static const double WIDTH = 0.045, HEIGHT = 0.036, POINT = 0.012;
static const double RINGS[] = {0.036, 0.06, 0.09, 0.13, 0.18};
enum { DIRECTIONS = 16 };

static double overlap(double distance, double size) {
    return fmax(0, 1 - fabs(distance) / size);
}

/* How much of a label at (x, y) is on points and on the labels placed before. */
static double covered(const figure_labels *l, size_t placed, double x, double y, double length) {
    double sum = 0;
    for (size_t k = 0; k < l->n; k++)
        sum += overlap((l->x[k] - x) / length, WIDTH / 2 + POINT) *
               overlap((l->y[k] - y) / length, HEIGHT / 2 + POINT);
    for (size_t k = 0; k < placed; k++)
        sum += overlap((l->label_x[k] - x) / length, WIDTH) * overlap((l->label_y[k] - y) / length, HEIGHT);
    return sum;
}

void figure_place_labels(const figure_labels *l, double length) {
    static const double TURN = 6.283185307179586 / DIRECTIONS;
    for (size_t i = 0; i < l->n; i++) {
        double least = INFINITY;
        for (size_t ring = 0; ring < sizeof RINGS / sizeof *RINGS && least > 0; ring++) {
            for (int d = 0; d < DIRECTIONS && least > 0; d++) {
                double x = l->x[i] + RINGS[ring] * length * cos(d * TURN),
                       y = l->y[i] + RINGS[ring] * length * sin(d * TURN), cost = covered(l, i, x, y, length);
                if (cost >= least)
                    continue;
                least = cost;
                l->label_x[i] = x;
                l->label_y[i] = y;
            }
        }
    }
}
