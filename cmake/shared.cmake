# libmaple.so. The sources carry no marks of visibility: the linker gets the list of public functions from the headers,
# and binds all calls inside the library at once, as if the others were static.
file(GLOB MAPLE_HEADERS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/maple/*.h)
set(MAPLE_MAP ${CMAKE_BINARY_DIR}/libmaple.map)
add_custom_command(OUTPUT ${MAPLE_MAP} DEPENDS ${MAPLE_HEADERS} cmake/exports.cmake VERBATIM
                   COMMAND ${CMAKE_COMMAND} "-DHEADERS=${MAPLE_HEADERS}" -DOUTPUT=${MAPLE_MAP}
                           -P ${CMAKE_SOURCE_DIR}/cmake/exports.cmake)
add_custom_target(maple_map DEPENDS ${MAPLE_MAP})

# Before 1.0 every minor version may change the interface: the name that programs are bound to says so.
set(MAPLE_SOVERSION ${PROJECT_VERSION_MAJOR})
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(MAPLE_SOVERSION 0.${PROJECT_VERSION_MINOR})
endif()
add_library(maple_shared SHARED $<TARGET_OBJECTS:maple_objects>)
add_dependencies(maple_shared maple_map)
set_target_properties(maple_shared PROPERTIES OUTPUT_NAME maple VERSION ${PROJECT_VERSION} SOVERSION ${MAPLE_SOVERSION}
                      LINK_DEPENDS ${MAPLE_MAP})
target_link_libraries(maple_shared PRIVATE maple_dependencies)
target_link_options(maple_shared PRIVATE -Wl,--version-script=${MAPLE_MAP} -Wl,-Bsymbolic)
if(MAPLE_SANITIZE)
  target_link_libraries(maple_shared PRIVATE maple_flags)
else()
  target_link_options(maple_shared PRIVATE -Wl,--no-undefined) # the sanitizers' own functions are the program's
endif()
