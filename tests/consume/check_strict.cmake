# cmake -DCOMPILER=CXX -DGNU=BOOL -DSOURCES=DIR -DINCLUDES=DIR;DIR -P check_strict.cmake
# strict.cpp compiles without a warning. SOURCES: the library's include folder, whose warnings count. 20 s.
set(command ${COMPILER} -std=c++20 -fsyntax-only -fdiagnostics-color=never -Werror -Wall -Wextra -Wpedantic -Wconversion
  -Wsign-conversion -Wfloat-conversion -Wdouble-promotion -Wshadow -Wold-style-cast -Wcast-qual -Wcast-align -Wundef
  -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi -Wzero-as-null-pointer-constant -Wnull-dereference
  -Wimplicit-fallthrough)
if(GNU)
  list(APPEND command -Wuseless-cast -Wlogical-op -Wduplicated-cond -Wredundant-decls)
endif()
list(REMOVE_ITEM INCLUDES ${SOURCES} /usr/include)
foreach(directory IN LISTS INCLUDES)
  list(APPEND command -isystem ${directory})
endforeach()
execute_process(COMMAND ${command} -I${SOURCES} ${CMAKE_CURRENT_LIST_DIR}/strict.cpp RESULT_VARIABLE status
  ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "strict: ${output}")
endif()
