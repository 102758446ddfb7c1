# Measurement runs in processes of its own: a worker program for test_measure, and callgrind behind its launcher.
#TMP add_executable(measure_worker worker_main.c)
#TMP target_link_libraries(measure_worker PRIVATE maple_flags libmaple)
#TMP if(TARGET test_measure)
#TMP   add_dependencies(test_measure measure_worker)
#TMP   target_compile_definitions(test_measure PRIVATE MAPLE_TEST_WORKER="$<TARGET_FILE:measure_worker>")
#TMP endif()

add_executable(callgrind_main callgrind_main.c)
target_link_libraries(callgrind_main PRIVATE maple_flags libmaple)
add_test(NAME callgrind COMMAND callgrind_main)
set_tests_properties(callgrind PROPERTIES SKIP_RETURN_CODE 77)
