# Writes tests/data/pt anew: the files are checked in, and so is what made them.
add_executable(make_pt EXCLUDE_FROM_ALL make_pt.c)
target_link_libraries(make_pt PRIVATE maple_flags maple_dependencies)
