# What make install puts where (GNUInstallDirs; PREFIX and DESTDIR): program, libraries, headers, maple.pc, man pages,
# completion, the bundled pool, documentation. cmake/uninstall.cmake removes it.
include(GNUInstallDirs)
set(MAPLE_DATA ${CMAKE_INSTALL_DATADIR}/maple)
set(MAPLE_DOC ${CMAKE_INSTALL_DOCDIR})

# Man pages and completion, from the tables of --help.
set(MAPLE_PAGES ${CMAKE_BINARY_DIR}/pages)
add_custom_command(OUTPUT ${MAPLE_PAGES}/maple.1 DEPENDS maple VERBATIM
                   COMMAND ${CMAKE_COMMAND} -E rm -rf ${MAPLE_PAGES}
                   COMMAND ${CMAKE_COMMAND} -E make_directory ${MAPLE_PAGES}
                   COMMAND maple documentation ${MAPLE_PAGES})
add_custom_target(maple_pages ALL DEPENDS ${MAPLE_PAGES}/maple.1)

# The program finds its pool by the way from the folder that it is in, wherever that is moved to.
file(RELATIVE_PATH MAPLE_POOL_FROM_PROGRAM ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_DATADIR}/maple/pool.db)
set_source_files_properties(cli/common.c PROPERTIES
                            COMPILE_DEFINITIONS MAPLE_POOL_FROM_PROGRAM="/${MAPLE_POOL_FROM_PROGRAM}")

# maple.pc: what the archive needs besides. Parts that come with a .pc file by name, the others by library; OpenBLAS and LAPACKE,
# too: by name --static asks for what a static OpenBLAS needs (-lgfortran), which is not there without a Fortran compiler.
set(MAPLE_PC_REQUIRES "sqlite3 >= 3.37, libcjson, zlib")
set(MAPLE_PC_LIBS "")
if(MAPLE_HAVE_ONEDNN)
  list(APPEND MAPLE_PC_LIBS ${ONEDNN_LIBRARY})
endif()
if(MAPLE_HAVE_XNNPACK)
  list(APPEND MAPLE_PC_LIBS ${XNNPACK_LIBRARY} ${PTHREADPOOL_LIBRARY} ${CPUINFO_LIBRARY})
endif()
list(JOIN LAPACKE_LDFLAGS " " lapacke)
list(JOIN OPENBLAS_LDFLAGS " " openblas)
set(MAPLE_PC_PRIVATE "${lapacke} ${openblas} ")
foreach(library ${MAPLE_PC_LIBS}) # /usr/lib/libdnnl.so: -ldnnl where the linker looks by itself
  get_filename_component(folder ${library} DIRECTORY)
  get_filename_component(name ${library} NAME_WE)
  string(REGEX REPLACE "^lib" "-l" name ${name})
  if(NOT folder IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
    string(APPEND MAPLE_PC_PRIVATE "-L${folder} ")
  endif()
  string(APPEND MAPLE_PC_PRIVATE "${name} ")
endforeach()
string(REPLACE "-pthread" "pthread" MAPLE_PC_THREADS "${CMAKE_THREAD_LIBS_INIT}")
foreach(library ${MAPLE_PC_THREADS} ${CMAKE_DL_LIBS} m)
  string(REGEX REPLACE "^-l" "" library ${library})
  string(APPEND MAPLE_PC_PRIVATE "-l${library} ")
endforeach()
string(STRIP "${MAPLE_PC_PRIVATE}" MAPLE_PC_PRIVATE)
# Paths below the prefix are written against it, and it is that of the installation: cmake --install --prefix may change it.
foreach(kind BINDIR LIBDIR INCLUDEDIR DATADIR)
  set(MAPLE_PC_${kind} "\${prefix}/${CMAKE_INSTALL_${kind}}")
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${kind}}")
    set(MAPLE_PC_${kind} ${CMAKE_INSTALL_${kind}})
  endif()
endforeach()
set(MAPLE_PREFIX "@MAPLE_PREFIX@") # for later
configure_file(cmake/maple.pc.in maple.pc.in @ONLY)
install(CODE "
  set(MAPLE_PREFIX \"\${CMAKE_INSTALL_PREFIX}\")
  configure_file(\"${CMAKE_BINARY_DIR}/maple.pc.in\" \"${CMAKE_BINARY_DIR}/maple.pc\" @ONLY)")
install(FILES ${CMAKE_BINARY_DIR}/maple.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Engines that were found elsewhere than the system's loader looks.
set_target_properties(maple maple_shared PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS maple RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS libmaple maple_shared ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/maple DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY ${MAPLE_PAGES}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(FILES ${MAPLE_PAGES}/maple.bash RENAME maple DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${MAPLE_PAGES}/_maple DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES data/pool.db DESTINATION ${MAPLE_DATA})
install(FILES LICENSE README.md DESTINATION ${MAPLE_DOC})
install(FILES data/README.md DESTINATION ${MAPLE_DOC}/data)
install(DIRECTORY docs DESTINATION ${MAPLE_DOC} FILES_MATCHING PATTERN "*.md" PATTERN "*.svg"
    PATTERN "*.png" PATTERN "*.tsv" PATTERN "*.gp" PATTERN "*.txt")
install(FILES examples/predict.c DESTINATION ${MAPLE_DOC}/examples)
