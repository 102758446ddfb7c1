# The linker's list of what libmaple.so shows: every function that a public header declares, and nothing else.
# cmake -DHEADERS="a.h;b.h" -DOUTPUT=libmaple.map -P exports.cmake
set(names "")
foreach(header ${HEADERS})
  file(READ ${header} text)
  string(REPLACE ";" "\n" text "${text}") # a list separator to CMake
  string(REGEX REPLACE "/\\*([^*]|\\*+[^*/])*\\*+/" " " text "${text}")
  string(REGEX REPLACE "#[^\n]*" " " text "${text}")
  string(REGEX MATCHALL "[^A-Za-z0-9_]maple_[a-z0-9_]+\\(" found "${text}")
  list(APPEND names ${found})
endforeach()
list(TRANSFORM names REPLACE "^.(maple_[a-z0-9_]+).*" "\\1")
list(REMOVE_DUPLICATES names)
list(SORT names)
if(NOT names)
  message(FATAL_ERROR "exports.cmake: no function is declared in ${HEADERS}")
endif()
list(JOIN names ";\n        " lines)
file(WRITE ${OUTPUT} "{\n    global:\n        ${lines};\n    local:\n        *;\n};\n")
