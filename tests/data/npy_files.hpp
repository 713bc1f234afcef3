// .npy files as the tests of readers need them: built byte by byte, as NumPy writes them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace spankey_test {

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// A file with this header, padded as NumPy does.
inline std::string npy(std::string header, const std::string& elements, char version = 1) {
  const std::size_t before = version == 1 ? 10 : 12;
  while ((before + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string file = std::string("\x93NUMPY") + version + '\0';
  for (std::size_t i = 0; i < before - 8; ++i) file += static_cast<char>(header.size() >> 8 * i & 255U);
  return file + header + elements;
}

inline std::string described(const std::string& type, const std::string& shape) {
  return "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
}

}  // namespace spankey_test
