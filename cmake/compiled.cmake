# spankey::compiled: the long parts of the library (what runs networks, kernels of every instruction set, keys, files),
# compiled once for everything that links it: programs compile faster by it and compute the same. Whoever links it is
# compiled with SPANKEY_COMPILED, which leaves those parts out of the headers (core/compiled.hpp).
file(GLOB compiled_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/compiled/*.cpp)
# Attacks without labels are in it where Eigen is, whose decompositions take a compiler half a minute.
if(NOT TARGET Eigen3::Eigen)
  list(FILTER compiled_sources EXCLUDE REGEX "/attack[.]cpp$")
endif()
add_library(spankey_compiled STATIC ${compiled_sources})
add_library(spankey::compiled ALIAS spankey_compiled)
target_link_libraries(spankey_compiled PUBLIC spankey_spankey)
if(TARGET Eigen3::Eigen)
  target_include_directories(spankey_compiled SYSTEM PRIVATE $<TARGET_PROPERTY:Eigen3::Eigen,INTERFACE_INCLUDE_DIRECTORIES>)
endif()
target_compile_definitions(spankey_compiled PUBLIC SPANKEY_COMPILED)
set_target_properties(spankey_compiled PROPERTIES EXPORT_NAME compiled POSITION_INDEPENDENT_CODE ON)
