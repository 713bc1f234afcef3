# cmake -DCOMPILER=CXX -DINCLUDES=DIR;DIR -DFOLDER=DIR -P check_dialect.cmake
# Whichever header of the library comes first: with options that it cannot be compiled with, the first error is one sentence
# that names the option to add, and nothing follows but the file that does not exist (core/dialect.hpp). FOLDER: for files.
set(command ${COMPILER} -fsyntax-only -fdiagnostics-color=never)
foreach(directory IN LISTS INCLUDES)
  list(APPEND command -I${directory})
endforeach()

function(expect_one_sentence header sentence)
  file(WRITE ${FOLDER}/dialect.cpp "#include \"spankey/${header}\"\n")
  execute_process(COMMAND ${command} ${ARGN} ${FOLDER}/dialect.cpp RESULT_VARIABLE status ERROR_VARIABLE output)
  string(REGEX MATCHALL "error: [^\n]*" errors "${output}")
  list(LENGTH errors count)
  string(REGEX MATCH "error: [^\n]*" first "${output}")
  if(status EQUAL 0 OR NOT first MATCHES "${sentence}" OR count GREATER 2)
    message(FATAL_ERROR "dialect: ${header} with ${ARGN}: expected first and nearly alone: ${sentence}\ngot ${count}:\n${output}")
  endif()
endfunction()

foreach(header train.hpp infer.hpp spankey.hpp cuda.hpp core/shape.hpp core/error.hpp core/secret.hpp infer/status.hpp
    infer/session.hpp infer/make_image.hpp checkpoint/weights.hpp checkpoint/key_space_file.hpp data/npy.hpp loss/deny/deny.hpp)
  expect_one_sentence(${header} "SpanKey needs C\\+\\+20" -std=gnu++17)
  foreach(option -ffinite-math-only -ffast-math -Ofast)
    expect_one_sentence(${header} "-fno-finite-math-only" -std=c++20 -O2 ${option})
  endforeach()
endforeach()

# The sentence tells the truth.
file(WRITE ${FOLDER}/dialect.cpp "#include \"spankey/core/finite.hpp\"\n")
execute_process(COMMAND ${command} -std=c++20 -Ofast -fno-finite-math-only ${FOLDER}/dialect.cpp
  RESULT_VARIABLE status ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "dialect: with -Ofast -fno-finite-math-only:\n${output}")
endif()
