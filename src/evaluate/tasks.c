/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The twelve device tasks on which NASFLAT (Akhauri and Abdelfattah, MLSys 2024) and its successors compare
 * predictors: source and target devices, named as in HELP's public tables. N: NAS-Bench-201, F: FBNet. Some
 * of the devices of N1..N4 and NA were never published with their latencies.
 */
#include "maple/evaluate.h"

#include <string.h>

#define DEVICES(name, ...) static const char *const name[] = {__VA_ARGS__, NULL}

/* --- NAS-Bench-201 --- */

DEVICES(ND_SOURCES, "1080ti_1", "1080ti_32", "1080ti_256", "silver_4114", "silver_4210r", "samsung_a50",
        "pixel3", "essential_ph_1", "samsung_s7");
DEVICES(ND_TARGETS, "titan_rtx_256", "gold_6226", "fpga", "pixel2", "raspi4", "eyeriss");

DEVICES(N1_SOURCES, "embedded_tpu_edge_tpu_int8", "eyeriss", "mobile_gpu_snapdragon_675_adreno_612_int8",
        "mobile_gpu_snapdragon_855_adreno_640_int8", "pixel3");
DEVICES(N1_TARGETS, "1080ti_1", "titan_rtx_32", "titanxp_1", "2080ti_32", "titan_rtx_1");

DEVICES(N2_SOURCES, "1080ti_1", "1080ti_32", "titanx_32", "titanxp_1", "titanxp_32");
DEVICES(N2_TARGETS, "pixel3");

DEVICES(N3_SOURCES, "desktop_gpu_gtx_1080ti_fp32", "embedded_gpu_jetson_nano_fp16", "eyeriss",
        "mobile_dsp_snapdragon_675_hexagon_685_int8", "mobile_gpu_snapdragon_855_adreno_640_int8");
DEVICES(N3_TARGETS, "1080ti_1", "2080ti_1", "titanxp_1", "2080ti_32", "titanxp_32");

DEVICES(N4_SOURCES, "desktop_cpu_core_i7_7820x_fp32", "embedded_gpu_jetson_nano_fp32",
        "embedded_tpu_edge_tpu_int8", "eyeriss", "mobile_cpu_snapdragon_855_kryo_485_int8",
        "mobile_dsp_snapdragon_675_hexagon_685_int8", "mobile_dsp_snapdragon_855_hexagon_690_int8",
        "mobile_gpu_snapdragon_675_adreno_612_int8", "mobile_gpu_snapdragon_855_adreno_640_int8", "pixel2");
DEVICES(N4_TARGETS, "1080ti_1", "2080ti_1", "titan_rtx_1");

DEVICES(NA_SOURCES, "titan_rtx_1", "titan_rtx_32", "titanxp_1", "2080ti_1", "titanx_1", "1080ti_1",
        "titanx_32", "titanxp_32", "2080ti_32", "1080ti_32", "gold_6226", "samsung_s7", "silver_4114",
        "gold_6240", "silver_4210r", "samsung_a50", "pixel2");
DEVICES(NA_TARGETS, "eyeriss");

/* --- FBNet --- */

DEVICES(FD_SOURCES, "1080ti_1", "1080ti_32", "1080ti_64", "silver_4114", "silver_4210r", "samsung_a50",
        "pixel3", "essential_ph_1", "samsung_s7");
DEVICES(FD_TARGETS, "fpga", "raspi4", "eyeriss");

DEVICES(F1_SOURCES, "2080ti_1", "essential_ph_1", "silver_4114", "titan_rtx_1", "titan_rtx_32");
DEVICES(F1_TARGETS, "eyeriss", "fpga", "raspi4", "samsung_a50", "samsung_s7");

DEVICES(F2_SOURCES, "essential_ph_1", "gold_6226", "gold_6240", "pixel3", "raspi4");
DEVICES(F2_TARGETS, "1080ti_1", "1080ti_32", "2080ti_32", "titan_rtx_1", "titanxp_1");

DEVICES(F3_SOURCES, "essential_ph_1", "pixel2", "pixel3", "raspi4", "samsung_s7");
DEVICES(F3_TARGETS, "1080ti_1", "1080ti_32", "2080ti_1", "titan_rtx_1", "titan_rtx_32");

DEVICES(F4_SOURCES, "1080ti_64", "2080ti_1", "eyeriss", "gold_6226", "gold_6240", "raspi4", "samsung_s7",
        "silver_4210r", "titan_rtx_1", "titan_rtx_32");
DEVICES(F4_TARGETS, "1080ti_1", "pixel2", "essential_ph_1");

DEVICES(FA_SOURCES, "1080ti_1", "1080ti_32", "1080ti_64", "2080ti_1", "2080ti_32", "2080ti_64", "titan_rtx_1",
        "titan_rtx_32", "titan_rtx_64", "titanx_1", "titanx_32", "titanx_64", "titanxp_1", "titanxp_32",
        "titanxp_64");
DEVICES(FA_TARGETS, "gold_6226", "essential_ph_1", "samsung_s7", "pixel2");

#define NAS   "nas-bench-201"
#define FBNET "fbnet"

static const maple_task TASKS[] = {
    {.name = "ND", .space = NAS, .sources = ND_SOURCES, .targets = ND_TARGETS},
    {.name = "N1",
     .space = NAS,
     .reason = "the latencies of 3 of its 5 source devices are not public (embedded_tpu_edge_tpu_int8, "
               "mobile_gpu_snapdragon_675_adreno_612_int8, mobile_gpu_snapdragon_855_adreno_640_int8)",
     .sources = N1_SOURCES,
     .targets = N1_TARGETS},
    {.name = "N2",
     .space = NAS,
     .sources = N2_SOURCES,
     .targets = N2_TARGETS,
     .note = "public targets only: pixel3 (1 of 5)"},
    {.name = "N3",
     .space = NAS,
     .reason = "the latencies of 4 of its 5 source devices are not public (desktop_gpu_gtx_1080ti_fp32, "
               "embedded_gpu_jetson_nano_fp16, mobile_dsp_snapdragon_675_hexagon_685_int8, "
               "mobile_gpu_snapdragon_855_adreno_640_int8)",
     .sources = N3_SOURCES,
     .targets = N3_TARGETS},
    {.name = "N4",
     .space = NAS,
     .reason = "the latencies of 8 of its 10 source devices are not public (desktop_cpu_core_i7_7820x_fp32, "
               "embedded_gpu_jetson_nano_fp32, embedded_tpu_edge_tpu_int8, "
               "mobile_cpu_snapdragon_855_kryo_485_int8, mobile_dsp_snapdragon_675_hexagon_685_int8, "
               "mobile_dsp_snapdragon_855_hexagon_690_int8, mobile_gpu_snapdragon_675_adreno_612_int8, "
               "mobile_gpu_snapdragon_855_adreno_640_int8)",
     .sources = N4_SOURCES,
     .targets = N4_TARGETS},
    {.name = "NA",
     .space = NAS,
     .sources = NA_SOURCES,
     .targets = NA_TARGETS,
     .note = "public targets only: eyeriss (1 of 3)"},
    {.name = "FD", .space = FBNET, .sources = FD_SOURCES, .targets = FD_TARGETS},
    {.name = "F1", .space = FBNET, .sources = F1_SOURCES, .targets = F1_TARGETS},
    {.name = "F2", .space = FBNET, .sources = F2_SOURCES, .targets = F2_TARGETS},
    {.name = "F3", .space = FBNET, .sources = F3_SOURCES, .targets = F3_TARGETS},
    {.name = "F4", .space = FBNET, .sources = F4_SOURCES, .targets = F4_TARGETS},
    {.name = "FA", .space = FBNET, .sources = FA_SOURCES, .targets = FA_TARGETS},
};

size_t maple_task_count(void) {
    return sizeof TASKS / sizeof *TASKS;
}

const maple_task *maple_task_at(size_t i) {
    return i < maple_task_count() ? &TASKS[i] : NULL;
}

maple_status maple_task_find(const char *name, const maple_task **out, maple_error *error) {
    for (size_t i = 0; i < maple_task_count(); i++) {
        if (strcmp(TASKS[i].name, name) != 0)
            continue;
        if (TASKS[i].reason)
            return maple_error_set(error, MAPLE_BAD_INPUT, "task %s cannot be run: %s", name,
                                   TASKS[i].reason);
        *out = &TASKS[i];
        return MAPLE_OK;
    }
    maple_text known = {0};
    for (size_t i = 0; i < maple_task_count(); i++)
        maple_text_addf(&known, "%s%s", i > 0 ? ", " : "", TASKS[i].name);
    maple_status status = maple_error_set(error, MAPLE_NOT_FOUND, "no task is called '%.60s'; there are: %s",
                                          name, known.data ? known.data : "");
    maple_text_free(&known);
    return status;
}
