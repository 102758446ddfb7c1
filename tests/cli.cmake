# One CTest a command-line case.
file(GLOB MAPLE_CLI_CASES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cli/*.sh)
list(FILTER MAPLE_CLI_CASES EXCLUDE REGEX "/run\\.sh$")
foreach(case ${MAPLE_CLI_CASES})
  get_filename_component(name ${case} NAME_WE)
  add_test(NAME cli_${name} COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/cli/run.sh $<TARGET_FILE:maple> ${case})
  set_tests_properties(cli_${name} PROPERTIES SKIP_RETURN_CODE 77)
endforeach()
