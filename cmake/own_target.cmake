# own_target(NAME): what every test, benchmark and program of this project gets and no user of the library does:
# warnings, and one folder for executables, build/<preset>/bin.
function(own_target name)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wconversion -Wshadow)
  # g++ 12 sees overlaps in "text" + std::string that are not there (GCC bugs 105329 and 105651, mended in 13).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${name} PRIVATE -Wno-restrict)
  endif()
  if(SPANKEY_WARNINGS_AS_ERRORS)
    target_compile_options(${name} PRIVATE -Werror)
  endif()
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()
