# spankey::cuda: the compiled part of backend::cuda (src/cuda/*.cu) with cuBLAS and cuDNN. Programs that name the tag link
# it and are compiled as ever; nvcc sees these files only.
# SPANKEY_CUDA=AUTO builds it where nvcc, the CUDA toolkit and cuDNN are found, ON fails where they are not.
# CMAKE_CUDA_ARCHITECTURES: machine code for compute capability 7.5, 8.0, 8.6, 8.9 and 9.0, PTX for newer ones.

function(no_cuda what)
  if(SPANKEY_CUDA STREQUAL "AUTO")
    message(STATUS "spankey: ${what} not found, so no spankey::cuda")
  else()
    message(FATAL_ERROR "SPANKEY_CUDA=${SPANKEY_CUDA}: ${what} not found (use AUTO or OFF to build without it)")
  endif()
endfunction()

if(NOT CMAKE_CUDA_COMPILER)
  find_program(SPANKEY_NVCC nvcc HINTS ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
  if(SPANKEY_NVCC)
    set(CMAKE_CUDA_COMPILER ${SPANKEY_NVCC})
  endif()
endif()
if(NOT CMAKE_CUDA_COMPILER)
  no_cuda("nvcc")
  return()
endif()
find_package(CUDAToolkit QUIET)
if(NOT TARGET CUDA::cudart OR NOT TARGET CUDA::cublas)
  no_cuda("cuBLAS")
  return()
endif()
find_path(CUDNN_INCLUDE_DIR cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_library(CUDNN_LIBRARY cudnn HINTS ${CUDAToolkit_LIBRARY_DIR})
# Several GPUs (train/nccl.hpp), where it is: nothing of spankey::cuda needs it.
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_library(NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR})
mark_as_advanced(CUDNN_INCLUDE_DIR CUDNN_LIBRARY NCCL_INCLUDE_DIR NCCL_LIBRARY)
if(NOT CUDNN_INCLUDE_DIR OR NOT CUDNN_LIBRARY)
  no_cuda("cuDNN")
  return()
endif()

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real 90)
endif()
enable_language(CUDA)

file(GLOB cuda_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/cuda/*.cu)
add_library(spankey_cuda STATIC ${cuda_sources})
add_library(spankey::cuda ALIAS spankey_cuda)
target_link_libraries(spankey_cuda
  PUBLIC spankey_spankey
  PRIVATE CUDA::cudart CUDA::cublas ${CUDNN_LIBRARY})
target_include_directories(spankey_cuda SYSTEM PRIVATE ${CUDNN_INCLUDE_DIR})
# constexpr functions of the library (random numbers) are called in kernels as well. CMake 3.25 does not know that nvcc 12
# and newer have C++20.
target_compile_options(spankey_cuda PRIVATE -std=c++20 --expt-relaxed-constexpr -Xcompiler=-Wall,-Wextra,-Wshadow)
if(SPANKEY_WARNINGS_AS_ERRORS)
  target_compile_options(spankey_cuda PRIVATE -Werror=all-warnings -Xcompiler=-Werror)
endif()
# Keys have the host's bits where nothing is contracted.
set_source_files_properties(src/cuda/keys.cu PROPERTIES COMPILE_OPTIONS -fmad=false)
set_target_properties(spankey_cuda PROPERTIES EXPORT_NAME cuda POSITION_INDEPENDENT_CODE ON)
message(STATUS "spankey: spankey::cuda with nvcc ${CMAKE_CUDA_COMPILER_VERSION} for ${CMAKE_CUDA_ARCHITECTURES}")
