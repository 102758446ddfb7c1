# The engines' contract in the environments that their libraries read only when they are loaded. An x86 CPU of the last
# ten years has AVX2; elsewhere these variables mean nothing.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  function(maple_engine_test engine isa variable)
    add_test(NAME test_engine_${engine}_${isa} COMMAND test_engine)
    set_tests_properties(test_engine_${engine}_${isa} PROPERTIES
                         ENVIRONMENT "MAPLE_TEST_ENGINE=${engine};MAPLE_TEST_ISA=${isa};${variable}")
  endfunction()
  if(MAPLE_HAVE_ONEDNN)
    maple_engine_test(onednn sse41 DNNL_MAX_CPU_ISA=SSE41)
    maple_engine_test(onednn avx2 DNNL_MAX_CPU_ISA=AVX2)
  endif()
  maple_engine_test(blas avx2 OPENBLAS_CORETYPE=Haswell)
endif()
