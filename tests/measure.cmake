# Measurement runs in processes of its own: a worker program for test_measure, and callgrind behind its launcher.
add_executable(measure_worker worker_main.c)
target_link_libraries(measure_worker PRIVATE maple_flags libmaple)
if(TARGET test_measure)
  add_dependencies(test_measure measure_worker)
  target_compile_definitions(test_measure PRIVATE MAPLE_TEST_WORKER="$<TARGET_FILE:measure_worker>")
endif()

# Campaigns: a worker without an engine, whose latencies are known.
add_executable(fake_worker fake_worker.c)
target_link_libraries(fake_worker PRIVATE maple_flags libmaple)
target_include_directories(fake_worker PRIVATE ${CMAKE_SOURCE_DIR}/src)
foreach(name test_campaign test_campaign_kill test_noise test_repeatability test_anew)
  if(TARGET ${name})
    add_dependencies(${name} fake_worker)
    target_compile_definitions(${name} PRIVATE MAPLE_FAKE_WORKER="$<TARGET_FILE:fake_worker>")
  endif()
endforeach()

add_executable(callgrind_main callgrind_main.c)
target_link_libraries(callgrind_main PRIVATE maple_flags libmaple)
add_test(NAME callgrind COMMAND callgrind_main)
set_tests_properties(callgrind PROPERTIES SKIP_RETURN_CODE 77)
