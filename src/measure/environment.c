/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine is, read from /proc, /sys and /etc below a root, so that tests replay recorded machines.
 * What cannot be read is left empty.
 */
#include "maple/measure.h"

#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

enum { MAX_PROC_BYTES = 1 << 20, MAX_CPUS = 4096 };

/* --- Files below the root --- */

static char *read_text(const char *root, const char *path) {
    char full[4096], *data = NULL;
    size_t bytes;
    int length = snprintf(full, sizeof full, "%s%s", root, path);
    if (length < 0 || (size_t)length >= sizeof full ||
        maple_read_file(full, MAX_PROC_BYTES, &data, &bytes, NULL) != MAPLE_OK)
        return NULL;
    return data;
}

/* The first line of a file; false (and out empty) where there is none. */
static bool read_line(const char *root, const char *path, char *out, size_t size) {
    char *text = read_text(root, path);
    snprintf(out, size, "%.*s", text ? (int)strcspn(text, "\n") : 0, text ? text : "");
    maple_free(text);
    return out[0] != '\0';
}

static bool read_number(const char *root, const char *path, double *out) {
    char line[64], *end;
    if (!read_line(root, path, line, sizeof line))
        return false;
    double value = strtod(line, &end);
    if (end == line)
        return false;
    *out = value;
    return true;
}

/* "key <separator> value" of a /proc file: the value of the first line whose key is `key`. */
static bool find_field(const char *text, const char *key, char separator, char *out, size_t size) {
    size_t length = strlen(key);
    out[0] = '\0';
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) != 0)
            continue;
        const char *value = line + length + strspn(line + length, " \t");
        if (*value != separator)
            continue;
        value += 1 + strspn(value + 1, " \t\"");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\n\""), value);
        return out[0] != '\0';
    }
    return false;
}

static bool has_word(const char *words, const char *word) {
    size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += length) {
        bool starts = at == words || at[-1] == ' ';
        if (starts && (at[length] == ' ' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* --- CPU --- */

static const struct {
    int part;
    const char *name;
} arm_cores[] = {
    {0xd03, "Cortex-A53"},  {0xd05, "Cortex-A55"},  {0xd07, "Cortex-A57"},  {0xd08, "Cortex-A72"},
    {0xd09, "Cortex-A73"},  {0xd0a, "Cortex-A75"},  {0xd0b, "Cortex-A76"},  {0xd0d, "Cortex-A77"},
    {0xd41, "Cortex-A78"},  {0xd44, "Cortex-X1"},   {0xd0c, "Neoverse-N1"}, {0xd40, "Neoverse-V1"},
    {0xd49, "Neoverse-N2"}, {0xd4f, "Neoverse-V2"},
};

/* Arm kernels give numbers instead of a model name. */
static void name_arm_cpu(const char *cpuinfo, char *out, size_t size) {
    char implementer[32], part[32];
    if (!find_field(cpuinfo, "CPU implementer", ':', implementer, sizeof implementer) ||
        !find_field(cpuinfo, "CPU part", ':', part, sizeof part))
        return;
    long number = strtol(part, NULL, 0);
    for (size_t i = 0; i < sizeof arm_cores / sizeof arm_cores[0]; i++) {
        if (strtol(implementer, NULL, 0) == 0x41 && arm_cores[i].part == number) {
            snprintf(out, size, "%s", arm_cores[i].name);
            return;
        }
    }
    snprintf(out, size, "Arm implementer %.8s part %.8s", implementer, part);
}

static const char *strongest_isa(const char *flags) {
    if (has_word(flags, "avx512f") && has_word(flags, "avx512bw") && has_word(flags, "avx512dq") &&
        has_word(flags, "avx512vl"))
        return "avx512";
    if (has_word(flags, "avx2") && has_word(flags, "fma"))
        return "avx2";
    if (has_word(flags, "avx"))
        return "avx";
    if (has_word(flags, "sse4_1"))
        return "sse41";
    if (has_word(flags, "sve"))
        return "sve";
    if (has_word(flags, "asimd") || has_word(flags, "neon"))
        return "neon";
    return "generic";
}

static void probe_cpu(const char *root, bool replayed, maple_environment *out, char *flags,
                      size_t flags_size) {
    char *cpuinfo = read_text(root, "/proc/cpuinfo");
    const char *text = cpuinfo ? cpuinfo : "";
    char number[32];
    if (!find_field(text, "model name", ':', out->cpu, sizeof out->cpu))
        name_arm_cpu(text, out->cpu, sizeof out->cpu);
    if (!out->cpu[0])
        find_field(text, "cpu", ':', out->cpu, sizeof out->cpu);
    if (!find_field(text, "flags", ':', flags, flags_size))
        find_field(text, "Features", ':', flags, flags_size);
    snprintf(out->isa, sizeof out->isa, "%s", strongest_isa(flags));
    struct utsname name;
    if (replayed)
        snprintf(out->architecture, sizeof out->architecture, "%s",
                 has_word(flags, "lm")      ? "x86_64"
                 : has_word(flags, "asimd") ? "aarch64"
                                            : "");
    else if (uname(&name) == 0)
        snprintf(out->architecture, sizeof out->architecture, "%.15s", name.machine);
    /* The ceiling rather than the frequency of this moment: it is the same tomorrow. */
    double khz;
    if (read_number(root, "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", &khz))
        out->frequency_mhz = khz / 1000;
    else if (find_field(text, "cpu MHz", ':', number, sizeof number))
        out->frequency_mhz = strtod(number, NULL);
    maple_free(cpuinfo);
}

/* "0-3,8" -> 5 */
static int count_list(const char *list) {
    int n = 0;
    while (*list >= '0' && *list <= '9') {
        char *end;
        long first = strtol(list, &end, 10), last = first;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        if (last < first || last >= MAX_CPUS)
            return 0;
        n += (int)(last - first) + 1;
        list = *end == ',' ? end + 1 : end;
    }
    return n;
}

/* CPUs' worth of time that the cgroup grants; 0 where it sets no limit. */
static double cgroup_cpus(const char *root) {
    char *membership = read_text(root, "/proc/self/cgroup");
    char group[512] = "", path[640], line[64];
    if (membership)
        find_field(membership, "0:", ':', group, sizeof group);
    maple_free(membership);
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", strcmp(group, "/") == 0 ? "" : group);
    double quota, period;
    if (!read_line(root, path, line, sizeof line))
        read_line(root, "/sys/fs/cgroup/cpu.max", line, sizeof line);
    if (sscanf(line, "%lf %lf", &quota, &period) == 2 && period > 0)
        return quota / period;
    if (read_number(root, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &quota) && quota > 0 &&
        read_number(root, "/sys/fs/cgroup/cpu/cpu.cfs_period_us", &period) && period > 0)
        return quota / period;
    return 0;
}

static void probe_cores(const char *root, maple_environment *out) {
    char list[1024] = "";
    char *status = read_text(root, "/proc/self/status");
    if (status)
        find_field(status, "Cpus_allowed_list", ':', list, sizeof list);
    maple_free(status);
    if (!list[0])
        read_line(root, "/sys/devices/system/cpu/online", list, sizeof list);
    out->cores = count_list(list);
    double granted = cgroup_cpus(root);
    if (granted > 0 && ceil(granted) < out->cores)
        out->cores = (int)ceil(granted);
}

static void probe_caches(const char *root, maple_environment *out) {
    size_t used = 0;
    for (int i = 0; i < 8 && used < sizeof out->caches; i++) {
        char folder[96], path[128], type[32], size[32];
        double level = 0, ways = 0;
        snprintf(folder, sizeof folder, "/sys/devices/system/cpu/cpu0/cache/index%d", i);
        snprintf(path, sizeof path, "%s/type", folder);
        if (!read_line(root, path, type, sizeof type) || strcmp(type, "Instruction") == 0)
            continue;
        snprintf(path, sizeof path, "%s/level", folder);
        read_number(root, path, &level);
        snprintf(path, sizeof path, "%s/ways_of_associativity", folder);
        read_number(root, path, &ways);
        snprintf(path, sizeof path, "%s/size", folder);
        read_line(root, path, size, sizeof size);
        char *unit = NULL;
        double kib = strtod(size, &unit) * (unit && *unit == 'M' ? 1024 : 1);
        bool mib = kib >= 1024;
        int length = snprintf(out->caches + used, sizeof out->caches - used, "%sL%.0f%s %.3g %s",
                              used ? ", " : "", level, strcmp(type, "Data") == 0 ? "d" : "",
                              mib ? kib / 1024 : kib, mib ? "MiB" : "KiB");
        used += length > 0 ? (size_t)length : 0;
        if (ways > 0 && used < sizeof out->caches) {
            length = snprintf(out->caches + used, sizeof out->caches - used, "/%.0f", ways);
            used += length > 0 ? (size_t)length : 0;
        }
    }
}

/* --- Hypervisor --- */

static const struct {
    const char *text, *name;
} hypervisors[] = {
    {"KVMKVMKVM", "kvm"},
    {"VMwareVMware", "vmware"},
    {"VMware", "vmware"},
    {"Microsoft Hv", "hyper-v"},
    {"XenVMMXenVMM", "xen"},
    {"TCGTCGTCG", "qemu"},
    {"VBoxVBox", "virtualbox"},
    {"VirtualBox", "virtualbox"},
    {"QEMU", "qemu"},
    {"KVM", "kvm"},
    {"Amazon EC2", "kvm"},
    {"Google Compute Engine", "kvm"},
    {"Virtual Machine", "hyper-v"},
};

static bool name_hypervisor(const char *text, char *out, size_t size) {
    for (size_t i = 0; i < sizeof hypervisors / sizeof hypervisors[0]; i++) {
        if (strstr(text, hypervisors[i].text)) {
            snprintf(out, size, "%s", hypervisors[i].name);
            return true;
        }
    }
    return false;
}

static void hypervisor_of_this_cpu(char signature[16]) {
    signature[0] = '\0';
#if defined(__x86_64__) || defined(__i386__)
    unsigned eax, words[3];
    __cpuid(0x40000000, eax, words[0], words[1], words[2]);
    memcpy(signature, words, sizeof words);
    signature[sizeof words] = '\0';
#endif
}

static void probe_hypervisor(const char *root, bool replayed, const char *flags, maple_environment *out) {
    static const char *const files[] = {"/sys/hypervisor/type", "/sys/class/dmi/id/product_name",
                                        "/sys/class/dmi/id/sys_vendor"};
    char text[128];
    size_t size = sizeof out->hypervisor;
    bool flagged = has_word(flags, "hypervisor");
    if (flagged && !replayed) {
        hypervisor_of_this_cpu(text);
        if (name_hypervisor(text, out->hypervisor, size))
            return;
    }
    if (read_line(root, files[0], text, sizeof text)) {
        snprintf(out->hypervisor, size, "%.31s", text);
        return;
    }
    for (size_t i = 1; i < sizeof files / sizeof files[0]; i++) {
        if (read_line(root, files[i], text, sizeof text) && name_hypervisor(text, out->hypervisor, size))
            return;
    }
    if (flagged)
        snprintf(out->hypervisor, size, "unknown");
}

/* --- All of it --- */

static void name_compiler(char *out, size_t size) {
#if defined(__clang__)
    snprintf(out, size, "clang %d.%d.%d", __clang_major__, __clang_minor__, __clang_patchlevel__);
#elif defined(__GNUC__)
    snprintf(out, size, "gcc %d.%d.%d", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#else
    out[0] = '\0';
    (void)size;
#endif
}

void maple_environment_probe(const char *root, maple_environment *out) {
    bool replayed = root != NULL;
    const char *below = replayed ? root : "";
    char flags[8192];
    double number;
    *out = (maple_environment){.frequency_mhz = NAN, .load_average = NAN, .perf_event_paranoid = -2};
    probe_cpu(below, replayed, out, flags, sizeof flags);
    probe_cores(below, out);
    probe_caches(below, out);
    probe_hypervisor(below, replayed, flags, out);
    read_line(below, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", out->governor,
              sizeof out->governor);
    read_line(below, "/proc/sys/kernel/osrelease", out->kernel, sizeof out->kernel);
    char *release = read_text(below, "/etc/os-release");
    if (release)
        find_field(release, "PRETTY_NAME", '=', out->system, sizeof out->system);
    maple_free(release);
    if (read_number(below, "/proc/loadavg", &number))
        out->load_average = number;
    if (read_number(below, "/proc/sys/kernel/perf_event_paranoid", &number))
        out->perf_event_paranoid = (int)number;
    name_compiler(out->compiler, sizeof out->compiler);
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc))
        strftime(out->date, sizeof out->date, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static void add_text(cJSON *object, const char *key, const char *text) {
    cJSON_AddItemToObject(object, key, text[0] ? cJSON_CreateString(text) : cJSON_CreateNull());
}

static void add_number(cJSON *object, const char *key, double value, bool known) {
    cJSON_AddItemToObject(object, key, known ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

maple_status maple_environment_json(const maple_environment *environment, char **out, maple_error *error) {
    cJSON *object = cJSON_CreateObject();
    if (!object)
        return maple_error_memory(error);
    add_text(object, "cpu", environment->cpu);
    add_text(object, "architecture", environment->architecture);
    add_text(object, "isa", environment->isa);
    add_number(object, "cores", environment->cores, environment->cores > 0);
    add_text(object, "caches", environment->caches);
    add_text(object, "governor", environment->governor);
    add_number(object, "frequency_mhz", environment->frequency_mhz, isfinite(environment->frequency_mhz));
    add_text(object, "hypervisor", environment->hypervisor);
    add_text(object, "kernel", environment->kernel);
    add_text(object, "system", environment->system);
    add_text(object, "compiler", environment->compiler);
    add_number(object, "load_average", environment->load_average, isfinite(environment->load_average));
    add_number(object, "perf_event_paranoid", environment->perf_event_paranoid,
               environment->perf_event_paranoid > -2);
    add_text(object, "date", environment->date);
    char *printed = cJSON_PrintUnformatted(object);
    char *copy = printed ? maple_strdup(printed) : NULL;
    cJSON_free(printed);
    bool complete = cJSON_GetArraySize(object) == 14;
    cJSON_Delete(object);
    if (!copy || !complete) {
        maple_free(copy);
        return maple_error_memory(error);
    }
    *out = copy;
    return MAPLE_OK;
}
