// Stand-ins for the program's networks, whose own files take minutes to compile: names and sites, and nothing that runs.
#include <array>

#include "network.hpp"

namespace {

using spankey::extents;
constexpr std::array<extents, 3> mlp_sites{{{20, 1, 1}, {64, 1, 1}, {32, 1, 1}}};
constexpr std::array<extents, 3> cnn_sites{{{1, 28, 28}, {16, 14, 14}, {32, 7, 7}}};
constexpr std::array<extents, 4> small_sites{{{1, 28, 28}, {32, 28, 28}, {64, 14, 14}, {128, 7, 7}}};
constexpr std::array<extents, 5> large_sites{
    {{3, 32, 32}, {64, 32, 32}, {128, 16, 16}, {256, 8, 8}, {512, 4, 4}}};

network named(const char* name, std::span<const extents> sites) {
  network n{};
  n.name = name;
  n.input = sites.front();  // all have their first site on the input
  n.sites = sites;
  return n;
}

}  // namespace

network mlp_network() { return named("mlp", mlp_sites); }
network small_cnn_network() { return named("small_cnn", cnn_sites); }
network small_resnet_network() { return named("small_resnet", small_sites); }
network resnet18_network() { return named("resnet18", large_sites); }
