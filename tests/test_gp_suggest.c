/* SPDX-License-Identifier: Apache-2.0 */
/* What `gp` measures next, against the documented gain computed from scratch. */
#include "gp_fixture.h"

enum { CANDIDATES = 151, CHOSEN = 12 }; /* an odd number: the median is one of them */

typedef struct chooser {
    gp_fixture g;
    gp_posterior belief;
} chooser;

static void make(chooser *c, size_t which, size_t n_samples) {
    gp_make(&c->g, which);
    gp_hypothesis *h;
    gp_samples samples;
    size_t n_h;
    OK(gp_hypotheses_create(&c->g.view, GP_LOG_CENTRE, 1, NULL, 0, false, &h, &n_h, &why));
    double *weight = zeros(n_h);
    OK(gp_samples_create(&c->g.view, c->g.f.samples, c->g.f.latency_ms, n_samples, &samples, &why));
    OK(gp_weigh(&samples, h, n_h, weight, NULL, &why));
    OK(gp_posterior_create(&samples, h, weight, n_h, &c->belief, &why));
    gp_samples_release(&samples);
    maple_free(h);
    free(weight);
}

static void release(chooser *c) {
    gp_posterior_release(&c->belief);
    gp_free(&c->g);
}

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Everything anew from the covariance s: gains of all candidates, as the sum over all of how much their
 * variance over the square of their prediction falls. */
static void find_gains(const double *x, const double *s, const double *prediction, const double *noise,
                       size_t width, double *gain) {
    double *sx = zeros(width);
    for (size_t i = 0; i < CANDIDATES; i++) {
        for (size_t j = 0; j < width; j++)
            sx[j] = product(s + j * width, x + i * width, width);
        double total = product(sx, x + i * width, width) + noise[i];
        gain[i] = 0;
        for (size_t c = 0; c < CANDIDATES; c++) {
            double falls = product(sx, x + c * width, width);
            gain[i] += falls * falls / total / (prediction[c] * prediction[c]);
        }
    }
    free(sx);
}

static void learn(double *s, const double *x, double noise, size_t width) {
    double *sx = zeros(width);
    for (size_t j = 0; j < width; j++)
        sx[j] = product(s + j * width, x, width);
    double total = product(sx, x, width) + noise;
    for (size_t j = 0; j < width; j++)
        for (size_t k = 0; k < width; k++)
            s[j * width + k] -= sx[j] * sx[k] / total;
    free(sx);
}

static double median_width(const double *x, const double *s, const double *prediction, const double *noise,
                           size_t width) {
    double widths[CANDIDATES];
    for (size_t i = 0; i < CANDIDATES; i++)
        widths[i] = 2 * 1.6448536269514722 * sqrt(form(s, x + i * width, x + i * width, width) + noise[i]) /
                    prediction[i];
    qsort(widths, CANDIDATES, sizeof *widths, ascending);
    return widths[CANDIDATES / 2];
}

static void check(const chooser *c) {
    size_t width = c->g.width, chosen[CHOSEN], n = 0;
    double widths[CHOSEN], prediction[CANDIDATES], noise[CANDIDATES], gain[CANDIDATES];
    bool taken[CANDIDATES] = {false};
    const gp_frame *frame = &c->g.frames[c->g.f.form];
    double *x = zeros(CANDIDATES * width), *s = zeros(width * width);
    memcpy(s, c->belief.covariance, width * width * sizeof *s);
    for (size_t i = 0; i < CANDIDATES; i++) {
        gp_frame_row(frame, &c->g.f.asked[i], x + i * width);
        prediction[i] = fmax(product(x + i * width, c->belief.mean, width), c->belief.least_ms);
        noise[i] = gp_noise_variance(&c->belief, prediction[i]);
    }
    double before = median_width(x, s, prediction, noise, width);
    OK(gp_choose(frame, &c->belief, c->g.f.asked, CANDIDATES, CHOSEN, 0, chosen, widths, &n, &why));
    assert_int_equal(n, CHOSEN);
    for (size_t step = 0; step < CHOSEN; step++) {
        find_gains(x, s, prediction, noise, width, gain);
        double most = 0;
        for (size_t i = 0; i < CANDIDATES; i++)
            most = taken[i] ? most : fmax(most, gain[i]);
        size_t i = chosen[step];
        assert_true(i < CANDIDATES && !taken[i]);
        if (!(gain[i] >= most * (1 - 1e-6)))
            fail_msg("step %zu: gain %.12g, the best has %.12g", step, gain[i], most);
        taken[i] = true;
        learn(s, x + i * width, noise[i], width);
        NEAR(widths[step], median_width(x, s, prediction, noise, width), 1e-6 * widths[step]);
        assert_true(widths[step] <= before * (1 + 1e-12));
        before = widths[step];
    }
    free(x);
    free(s);
}

static void choices_have_the_greatest_gain(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        const size_t SIZES[] = {0, 3, SAMPLES};
        for (size_t i = 0; i < 3; i++) {
            chooser c;
            make(&c, which, SIZES[i]);
            check(&c);
            release(&c);
        }
    }
}

/* Stops when there is nothing left, or nothing to choose from. */
static void there_may_be_fewer(void **state) {
    (void)state;
    chooser c;
    make(&c, 0, SAMPLES);
    size_t chosen[CHOSEN], n = 77;
    double widths[CHOSEN];
    const gp_frame *frame = &c.g.frames[c.g.f.form];
    OK(gp_choose(frame, &c.belief, c.g.f.asked, 5, CHOSEN, 0, chosen, widths, &n, &why));
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(chosen[i] != chosen[j]);
    double after_two = widths[1];
    assert_true(widths[0] > after_two);
    OK(gp_choose(frame, &c.belief, c.g.f.asked, 5, 5, after_two, chosen, NULL, &n, &why));
    assert_int_equal(n, 2);
    OK(gp_choose(frame, &c.belief, c.g.f.asked, 5, 0, 0, chosen, widths, &n, &why));
    assert_int_equal(n, 0);
    n = 77;
    OK(gp_choose(frame, &c.belief, c.g.f.asked, 5, 5, 1e9, chosen, NULL, &n, &why));
    assert_int_equal(n, 0); /* sure enough already */
    release(&c);
}

/* BLAS and LAPACK complain on stderr of what they do not take; nothing does, with samples or without. */
static void nothing_is_printed(void **state) {
    (void)state;
    const char *path = in_scratch("stderr");
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    FILE *file = fopen(path, "w+");
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    for (size_t which = 0; which < case_count(); which++) {
        fixture f;
        size_t chosen[CHOSEN], n;
        maple_pretrained *pretrained;
        maple_predictor *predictor;
        fixture_make_case(&f, which);
        OK(maple_predictor_pretrain("gp", &f.request, &pretrained, &why));
        for (size_t samples = 0; samples < 3; samples++) {
            double ms[ASKED], lower[ASKED], upper[ASKED];
            f.request.target.n_samples = samples;
            OK(maple_pretrained_suggest(pretrained, &f.request, f.asked, ASKED, CHOSEN, 0, chosen, NULL, &n,
                                        &why));
            assert_int_equal(n, CHOSEN);
            OK(maple_pretrained_adapt(pretrained, &f.request, &predictor, &why));
            OK(maple_predictor_intervals(predictor, f.asked, ASKED, ms, lower, upper, &why));
            maple_predictor_free(predictor);
        }
        f.request.target.n_samples = 0; /* of a device of which nothing is known */
        f.request.target.operator_ms = NULL;
        OK(maple_pretrained_suggest(pretrained, &f.request, f.asked, ASKED, CHOSEN, 0, chosen, NULL, &n,
                                    &why));
        assert_int_equal(n, CHOSEN);
        maple_pretrained_free(pretrained);
        fixture_free(&f);
    }
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    char text[256] = "";
    rewind(file);
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    if (bytes > 0)
        fail_msg("printed: %s", text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_have_the_greatest_gain),
        cmocka_unit_test(there_may_be_fewer),
        cmocka_unit_test(nothing_is_printed),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
