# Finds OpenBLAS with its C interface and defines OpenBLAS::OpenBLAS. Debian's own OpenBLASConfig.cmake has no target.
#
# SpanKey calls OpenBLAS from several threads. A build without threads (Debian's libopenblas0-serial) has no locks
# and gives wrong results then: it is refused here by what the program would load, which an alternatives link
# may decide, and again at run time by backend/cpu/blas.hpp.
include(FindPackageHandleStandardArgs)

if(NOT TARGET OpenBLAS::OpenBLAS)
  find_library(OpenBLAS_LIBRARY NAMES openblas PATH_SUFFIXES openblas-pthread openblas-openmp openblas openblas-serial)
  find_path(OpenBLAS_INCLUDE_DIR NAMES openblas_config.h PATH_SUFFIXES openblas-pthread openblas-openmp openblas openblas-serial)
  mark_as_advanced(OpenBLAS_LIBRARY OpenBLAS_INCLUDE_DIR)

  if(OpenBLAS_LIBRARY AND OpenBLAS_INCLUDE_DIR AND NOT CMAKE_CROSSCOMPILING AND NOT DEFINED OpenBLAS_THREADS_CHECKED)
    try_run(openblas_runs openblas_compiles
      SOURCE_FROM_CONTENT parallel.cpp
      "#include <cblas.h>\nextern \"C\" int openblas_get_parallel(void);\nint main() { return openblas_get_parallel(); }\n"
      CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${OpenBLAS_INCLUDE_DIR}"
      LINK_LIBRARIES ${OpenBLAS_LIBRARY}
      COMPILE_OUTPUT_VARIABLE openblas_output
      NO_CACHE)
    if(NOT openblas_compiles)
      set(openblas_reason "a program with ${OpenBLAS_LIBRARY} does not link")
    elseif(openblas_runs STREQUAL "0")
      set(openblas_reason "programs linked with ${OpenBLAS_LIBRARY} load a build without threads, not safe to call \
concurrently (Debian: install libopenblas-pthread-dev, and let update-alternatives choose it)")
    elseif(NOT openblas_runs MATCHES "^[12]$")
      set(openblas_reason "a program with ${OpenBLAS_LIBRARY} does not run (${openblas_runs})")
    else()
      set(OpenBLAS_THREADS_CHECKED ON CACHE INTERNAL "The OpenBLAS that programs load is safe to call concurrently")
    endif()
    if(openblas_reason)
      set(OpenBLAS_usable FALSE)
    endif()
  endif()
  if(NOT DEFINED OpenBLAS_usable)
    set(OpenBLAS_usable TRUE)
  endif()

  find_package_handle_standard_args(OpenBLAS
    REQUIRED_VARS OpenBLAS_LIBRARY OpenBLAS_INCLUDE_DIR OpenBLAS_usable
    REASON_FAILURE_MESSAGE "${openblas_reason}")

  if(OpenBLAS_FOUND)
    add_library(OpenBLAS::OpenBLAS UNKNOWN IMPORTED)
    set_target_properties(OpenBLAS::OpenBLAS PROPERTIES
      IMPORTED_LOCATION ${OpenBLAS_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${OpenBLAS_INCLUDE_DIR})
  endif()
else()
  set(OpenBLAS_FOUND TRUE)
endif()
