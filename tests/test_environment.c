/* SPDX-License-Identifier: Apache-2.0 */
/* The environment probe and the doctor on recorded machines (tests/data/machines) and on this one. */

#include "maple/measure.h"
#include "measure/siblings.h"
#include "unit.h"

#include <cJSON.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { MAX_CHECKS = 32 };

typedef struct machine {
    const char *name;
    maple_environment expected;
} machine;

static const machine machines[] = {
    {"cloud-vm",
     {.cpu = "Intel(R) Xeon(R) Processor @ 2.50GHz",
      .architecture = "x86_64",
      .isa = "avx512",
      .cores = 2,
      .caches = "L1d 32 KiB/8, L2 1 MiB/16, L3 35.8 MiB/11",
      .frequency_mhz = 2499.998,
      .hypervisor = "unknown",
      .kernel = "6.18.44-fc",
      .system = "Debian GNU/Linux 12 (bookworm)",
      .load_average = 0.08,
      .perf_event_paranoid = 2}},
    {"laptop-powersave",
     {.cpu = "Intel(R) Core(TM) i7-8565U CPU @ 1.80GHz",
      .architecture = "x86_64",
      .isa = "avx2",
      .cores = 8,
      .caches = "L1d 32 KiB/8, L2 256 KiB/4, L3 8 MiB/16",
      .governor = "powersave",
      .frequency_mhz = 4600,
      .kernel = "6.1.0-28-amd64",
      .system = "Debian GNU/Linux 12 (bookworm)",
      .load_average = 9.41,
      .perf_event_paranoid = 3}},
    {"arm-board",
     {.cpu = "Cortex-A72",
      .architecture = "aarch64",
      .isa = "neon",
      .cores = 4,
      .caches = "L1d 32 KiB, L2 1 MiB/16",
      .governor = "ondemand",
      .frequency_mhz = 1500,
      .kernel = "6.6.31+rpt-rpi-v8",
      .system = "Debian GNU/Linux 12 (bookworm)",
      .load_average = 0.31,
      .perf_event_paranoid = 2}},
    {"container-one-cpu",
     {.cpu = "AMD EPYC 7763 64-Core Processor",
      .architecture = "x86_64",
      .isa = "avx",
      .cores = 1,
      .frequency_mhz = 2445.404,
      .hypervisor = "hyper-v",
      .kernel = "5.15.0-1071-azure",
      .system = "Alpine Linux v3.19",
      .load_average = 0.7,
      .perf_event_paranoid = 4}},
};
enum { MACHINES = sizeof machines / sizeof machines[0] };

static void probe(const char *name, maple_environment *out) {
    char root[512];
    snprintf(root, sizeof root, "%s/machines/%s", MAPLE_TEST_DATA, name);
    maple_environment_probe(root, out);
}

static void test_recorded_machines(void **state) {
    (void)state;
    for (size_t i = 0; i < MACHINES; i++) {
        const maple_environment *expected = &machines[i].expected;
        maple_environment found;
        probe(machines[i].name, &found);
        assert_string_equal(found.cpu, expected->cpu);
        assert_string_equal(found.architecture, expected->architecture);
        assert_string_equal(found.isa, expected->isa);
        assert_int_equal(found.cores, expected->cores);
        assert_string_equal(found.caches, expected->caches);
        assert_string_equal(found.governor, expected->governor);
        assert_true(fabs(found.frequency_mhz - expected->frequency_mhz) < 1e-6);
        assert_string_equal(found.hypervisor, expected->hypervisor);
        assert_string_equal(found.kernel, expected->kernel);
        assert_string_equal(found.system, expected->system);
        assert_true(fabs(found.load_average - expected->load_average) < 1e-9);
        assert_int_equal(found.perf_event_paranoid, expected->perf_event_paranoid);
    }
}

/* Nothing to read: empty, not invented. */
static void test_nothing_visible(void **state) {
    (void)state;
    maple_environment found;
    maple_environment_probe("/nowhere", &found);
    assert_string_equal(found.cpu, "");
    assert_string_equal(found.isa, "generic");
    assert_string_equal(found.caches, "");
    assert_string_equal(found.hypervisor, "");
    assert_true(isnan(found.frequency_mhz) && isnan(found.load_average));
    assert_int_equal(found.perf_event_paranoid, -2);
    assert_int_equal(found.cores, 0);
}

static void test_this_machine(void **state) {
    (void)state;
    maple_environment found;
    maple_environment_probe(NULL, &found);
    assert_true(found.cores >= 1);
    assert_true(found.kernel[0] && found.architecture[0] && found.compiler[0]);
    assert_int_equal(strlen(found.date), strlen("2026-01-01T00:00:00Z"));
}

static void test_json(void **state) {
    (void)state;
    maple_environment found;
    maple_error error = {0};
    char *text = NULL;
    probe("arm-board", &found);
    snprintf(found.system, sizeof found.system, "quotes \" and \\");
    assert_int_equal(maple_environment_json(&found, &text, &error), MAPLE_OK);
    cJSON *object = cJSON_Parse(text);
    assert_non_null(object);
    assert_string_equal(cJSON_GetObjectItem(object, "cpu")->valuestring, "Cortex-A72");
    assert_string_equal(cJSON_GetObjectItem(object, "system")->valuestring, "quotes \" and \\");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(object, "hypervisor")));
    assert_true(cJSON_GetObjectItem(object, "frequency_mhz")->valuedouble == 1500);
    cJSON_Delete(object);
    maple_free(text);
    maple_environment_probe("/nowhere", &found); /* NaN has no JSON: null */
    assert_int_equal(maple_environment_json(&found, &text, &error), MAPLE_OK);
    object = cJSON_Parse(text);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(object, "load_average")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(object, "perf_event_paranoid")));
    cJSON_Delete(object);
    maple_free(text);
}

/* --- Doctor --- */

static const maple_check *find(const maple_check *checks, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(checks[i].name, name) == 0)
            return &checks[i];
    }
    fail_msg("no check '%s'", name);
    return NULL;
}

static void test_doctor_on_recorded_machines(void **state) {
    (void)state;
    static const struct {
        const char *machine, *check;
        maple_check_level level;
        const char *finding;
    } cases[] = {
        {"cloud-vm", "isa", MAPLE_CHECK_OK, "avx512 (Intel(R) Xeon(R) Processor @ 2.50GHz)"},
        {"cloud-vm", "cores", MAPLE_CHECK_OK, "2 usable"},
        {"cloud-vm", "governor", MAPLE_CHECK_OK, "not visible"},
        {"cloud-vm", "hypervisor", MAPLE_CHECK_WARN, "unknown"},
        {"cloud-vm", "load", MAPLE_CHECK_OK, "load average 0.08 on 2 CPUs"},
        {"laptop-powersave", "governor", MAPLE_CHECK_WARN, "powersave"},
        {"laptop-powersave", "hypervisor", MAPLE_CHECK_OK, "none seen"},
        {"laptop-powersave", "load", MAPLE_CHECK_FAIL, "load average 9.41 on 8 CPUs"},
        {"container-one-cpu", "cores", MAPLE_CHECK_WARN, "1 usable"},
        {"container-one-cpu", "hypervisor", MAPLE_CHECK_WARN, "hyper-v"},
        {"container-one-cpu", "load", MAPLE_CHECK_WARN, "load average 0.70 on 1 CPUs"},
        {"arm-board", "governor", MAPLE_CHECK_WARN, "ondemand"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        maple_environment environment;
        maple_check checks[MAX_CHECKS];
        maple_error error = {0};
        size_t n = 0;
        probe(cases[i].machine, &environment);
        assert_int_equal(maple_doctor(&environment, 0, checks, MAX_CHECKS, &n, &error), MAPLE_OK);
        const maple_check *check = find(checks, n, cases[i].check);
        assert_int_equal(check->level, cases[i].level);
        assert_string_equal(check->finding, cases[i].finding);
    }
}

static void test_doctor_here(void **state) {
    (void)state;
    maple_environment environment;
    maple_check checks[MAX_CHECKS], few[2];
    maple_error error = {0};
    size_t n = 0, n_few = 0;
    maple_environment_probe(NULL, &environment);
    assert_int_equal(maple_doctor(&environment, 0.05, checks, MAX_CHECKS, &n, &error), MAPLE_OK);
    find(checks, n, "pmu");
    find(checks, n, "callgrind");
    find(checks, n, "clock");
    find(checks, n, "noise");
    assert_int_equal(maple_doctor_shared_core(&checks[n++], &error), MAPLE_OK);
    find(checks, n, "shared core");
    for (size_t i = 0; i < maple_engine_count(); i++) {
        char name[64];
        snprintf(name, sizeof name, "engine %s", maple_engine_at(i)->name);
        assert_int_equal(find(checks, n, name)->level == MAPLE_CHECK_OK, maple_engine_at(i)->available);
    }
    for (size_t i = 0; i < n; i++) {
        assert_true(checks[i].name[0] && checks[i].finding[0] && checks[i].effect[0]);
        if (checks[i].level == MAPLE_CHECK_FAIL)
            assert_true(checks[i].fix[0]); /* a failure says what to do */
    }
    assert_int_equal(maple_doctor(&environment, 0, few, 2, &n_few, &error), MAPLE_OK);
    /* How many there are, not how many fitted; without those that take time: noise, the shared core. */
    assert_int_equal(n_few, n - 2);
    assert_string_equal(few[1].name, checks[1].name);
}

/* What the kernel says of the core of `cpu`: "1", "0-1", "0,64". */
static bool kernel_names(int cpu, int other) {
    char path[128], text[128] = "";
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    bool found = false;
    if (fgets(text, sizeof text, file)) {
        int from, to, used;
        for (const char *at = text; sscanf(at, "%d%n", &from, &used) == 1; at += *at == ',') {
            at += used;
            to = from;
            if (*at == '-' && sscanf(at, "-%d%n", &to, &used) == 1)
                at += used;
            found = found || (from <= other && other <= to);
        }
    }
    fclose(file);
    return found;
}

static void test_shared_core(void **state) {
    (void)state;
    cpu_set_t before, after;
    maple_environment environment;
    maple_siblings found;
    maple_error error = {0};
    maple_environment_probe(NULL, &environment);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(maple_siblings_find(&found, &error), MAPLE_OK);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
    assert_true(CPU_ISSET((size_t)found.cpu, &before));
    bool idle = environment.load_average < 0.2; /* else nobody knows how fast the core is alone */
    size_t others = (size_t)CPU_COUNT(&before) - 1;
    assert_int_equal(found.tried, others < MAPLE_MAX_CPUS ? others : MAPLE_MAX_CPUS);
    for (size_t i = 0; i < found.n; i++) {
        assert_true(CPU_ISSET((size_t)found.cpus[i], &before) && found.cpus[i] != found.cpu);
        assert_true(found.slowdown[i] > 1.1 && found.slowdown[i] < 1000);
    }
    for (int cpu = 0; cpu < found.cpu && idle && !environment.hypervisor[0]; cpu++) {
        bool listed = false;
        for (size_t i = 0; i < found.n; i++)
            listed = listed || found.cpus[i] == cpu;
        if (CPU_ISSET((size_t)cpu, &before) && kernel_names(found.cpu, cpu))
            assert_true(listed); /* where no hypervisor makes it up */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_machines),
        cmocka_unit_test(test_nothing_visible),
        cmocka_unit_test(test_this_machine),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_doctor_on_recorded_machines),
        cmocka_unit_test(test_doctor_here),
        cmocka_unit_test(test_shared_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
