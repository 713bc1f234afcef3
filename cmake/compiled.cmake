# spankey::compiled: the long parts of the library (what runs networks, kernels of every instruction set, keys, files),
# compiled once for everything that links it: programs compile faster by it and compute the same. Whoever links it is
# compiled with SPANKEY_COMPILED, which leaves those parts out of the headers (core/compiled.hpp).
file(GLOB compiled_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/compiled/*.cpp)
add_library(spankey_compiled STATIC ${compiled_sources})
add_library(spankey::compiled ALIAS spankey_compiled)
target_link_libraries(spankey_compiled PUBLIC spankey_spankey)
target_compile_definitions(spankey_compiled PUBLIC SPANKEY_COMPILED)
set_target_properties(spankey_compiled PROPERTIES EXPORT_NAME compiled POSITION_INDEPENDENT_CODE ON)
