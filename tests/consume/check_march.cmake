# cmake -DCOMPILER=CXX -DSOURCES=DIR -DFOLDER=DIR -P check_march.cmake
# A program with one file for newer processors is not linked, and the linker's message says why (core/one_march.hpp).
file(WRITE ${FOLDER}/march_one.cpp "#include \"spankey/core/shape.hpp\"\nint one() { return 0; }\n")
file(WRITE ${FOLDER}/march_two.cpp "#include \"spankey/core/random.hpp\"\nint one();\nint main() { return one(); }\n")

# linked(RESULT OUTPUT FLAGS_OF_ONE FLAGS_OF_TWO)
function(linked result output of_one of_two)
  set(objects)
  foreach(name one two)
    execute_process(COMMAND ${COMPILER} -std=c++20 -I${SOURCES} ${of_${name}} -c ${FOLDER}/march_${name}.cpp
      -o ${FOLDER}/march_${name}.o COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  execute_process(COMMAND ${COMPILER} ${FOLDER}/march_one.o ${FOLDER}/march_two.o -o ${FOLDER}/march
    RESULT_VARIABLE status ERROR_VARIABLE text)
  set(${result} ${status} PARENT_SCOPE)
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

foreach(flag -mavx2 -march=x86-64-v3 -march=x86-64-v4 -mfma)
  linked(status text ${flag} "")
  if(status EQUAL 0 OR NOT text MATCHES "SpanKey_needs_the_same_march_option_in_every_file")
    message(FATAL_ERROR "march: one file with ${flag}: expected the sentence and no program, got ${status}: ${text}")
  endif()
  linked(status text ${flag} ${flag})
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "march: both files with ${flag}: ${text}")
  endif()
endforeach()
linked(status text "-mavx2;-DSPANKEY_ALLOW_MIXED_MARCH" "")
if(NOT status EQUAL 0)
  message(FATAL_ERROR "march: allowed, and not linked: ${text}")
endif()

# Link-time optimisation makes one file of both, and sees no second definition.
file(WRITE ${FOLDER}/march_empty.cpp "int main() { return 0; }\n")
foreach(linker "" -fuse-ld=lld)
  execute_process(COMMAND ${COMPILER} -flto ${linker} ${FOLDER}/march_empty.cpp -o ${FOLDER}/march
    RESULT_VARIABLE can OUTPUT_QUIET ERROR_QUIET)
  if(can EQUAL 0)
    execute_process(COMMAND ${COMPILER} -std=c++20 -O2 -flto ${linker} -I${SOURCES} ${FOLDER}/march_one.cpp
      ${FOLDER}/march_two.cpp -o ${FOLDER}/march RESULT_VARIABLE status ERROR_VARIABLE text)
    if(NOT status EQUAL 0)
      message(FATAL_ERROR "march: with -flto ${linker}: ${text}")
    endif()
  endif()
endforeach()
