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
    # Quantised: on what this CPU has best, and on a level that every x86 CPU has.
    add_test(NAME test_engine_onednn_int8 COMMAND test_engine)
    set_tests_properties(test_engine_onednn_int8 PROPERTIES
                         ENVIRONMENT "MAPLE_TEST_ENGINE=onednn;MAPLE_TEST_DTYPE=int8")
    add_test(NAME test_engine_onednn_int8_avx2 COMMAND test_engine)
    set_tests_properties(test_engine_onednn_int8_avx2 PROPERTIES
                         ENVIRONMENT "MAPLE_TEST_ENGINE=onednn;MAPLE_TEST_DTYPE=int8;MAPLE_TEST_ISA=avx2;DNNL_MAX_CPU_ISA=AVX2")
  endif()
  if(MAPLE_HAVE_XNNPACK)
    maple_engine_test(xnnpack sse2 MAPLE_XNNPACK_ISA=sse2)
    maple_engine_test(xnnpack avx2 MAPLE_XNNPACK_ISA=avx2)
  endif()
  maple_engine_test(blas avx2 OPENBLAS_CORETYPE=Haswell)
endif()
