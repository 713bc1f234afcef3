// gzip: an input as a packed file, alone and under the readers of data sets; and packed by zlib, when it has to come back.
#include <algorithm>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "spankey/data/gzip.hpp"
#include "spankey/data/idx.hpp"
#include "spankey/data/npy.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

namespace {

constexpr index_t most = index_t{1} << 20;

// At most `most` bytes of what a file unpacks to.
std::vector<std::uint8_t> unpacked(const std::string& path, index_t piece) {
  gzip_bytes source(path);
  const index_t bound = source.length().most;
  std::vector<std::uint8_t> all, part(static_cast<std::size_t>(piece));
  for (index_t got = piece; got == piece && static_cast<index_t>(all.size()) < most;) {
    got = source.read(part.data(), piece);
    all.insert(all.end(), part.begin(), part.begin() + got);
  }
  promise(static_cast<index_t>(all.size()) <= bound, "a file unpacks to no more than its bound");
  return all;
}

std::vector<std::uint8_t> packed(std::span<const std::uint8_t> bytes) {
  z_stream stream{};
  promise(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib starts");
  std::vector<std::uint8_t> in(bytes.begin(), bytes.end()),
      out(deflateBound(&stream, static_cast<uLong>(bytes.size())));
  stream.next_in = in.data();
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  promise(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib packs");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::unique_ptr<byte_source> open_packed(const std::filesystem::path& file) {
  return std::make_unique<gzip_bytes>(file);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  const spankey_test::memory_file file(bytes);
  accepts([&] { unpacked(file.path(), 777); });
  accepts([&] { read_idx(file.path(), {{2, 3}, 60000}, open_packed); });
  accepts([&] { read_npy(file.path(), open_packed, most); });

  const spankey_test::memory_file own(packed(bytes));
  promise(accepts([&] {
            const std::vector<std::uint8_t> again = unpacked(own.path(), 100);
            promise(size >= static_cast<std::size_t>(most) ||
                        std::equal(again.begin(), again.end(), data, data + size),
                    "what was packed comes back");
          }),
          "what zlib packs is read");
  return 0;
}
