# spankey::networks: what runs networks (layers, kernels of every instruction set, passes), compiled once for everything that
# links it. A program of several source files, or of many networks, compiles faster by it; it computes the same.
file(GLOB network_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/networks/*.cpp)
add_library(spankey_networks STATIC ${network_sources})
add_library(spankey::networks ALIAS spankey_networks)
target_link_libraries(spankey_networks PUBLIC spankey_spankey)
target_compile_definitions(spankey_networks INTERFACE SPANKEY_COMPILED_NETWORKS)
set_target_properties(spankey_networks PROPERTIES EXPORT_NAME networks POSITION_INDEPENDENT_CODE ON)
