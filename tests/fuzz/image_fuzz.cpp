// Weight images: an input as it is, and an input laid over a sound image whose checksum is then made right, which is what
// an attacker would do. What opens answers, with and without a key, inside its classes.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "fuzz.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/model/mlp.hpp"

using namespace spankey;
using infer::status;
using spankey_test::promise;

namespace {

using network = mlp<6, gate<runtime, at<0, 1>>, backend::reference, float>;

// Bytes that begin where an image may, and end where they end.
class aligned_bytes {
 public:
  explicit aligned_bytes(std::size_t size)
      : size_(size),
        bytes_(static_cast<std::byte*>(::operator new(std::max<std::size_t>(size, 1), alignment))) {
    std::memset(bytes_, 0, size);
  }
  ~aligned_bytes() { ::operator delete(bytes_, alignment); }
  aligned_bytes(const aligned_bytes&) = delete;
  aligned_bytes& operator=(const aligned_bytes&) = delete;
  [[nodiscard]] std::span<std::byte> span() const { return {bytes_, size_}; }

 private:
  static constexpr std::align_val_t alignment{infer::image_alignment};
  std::size_t size_;
  std::byte* bytes_;
};

template <class Weight>
void check(std::span<const std::byte> image) {
  using session_type = infer::session<network, Weight>;
  const aligned_bytes memory(session_type::memory_bytes);
  session_type session;
  const status opened = session.open(image, memory.span());
  std::array<float, static_cast<std::size_t>(network::input::size)> x{};
  x.fill(0.5F);
  infer::answer<network> answer;
  const status answered = session.run_normalised(x, answer);
  const auto is_answer = [&](status said) {  // of an open session: one of numbers, or a refusal
    return said == status::ok
               ? all_finite(answer.logits.data(), std::ssize(answer.logits))
               : (said == status::logits_not_finite || said == status::key_missing) && answer.rejected;
  };
  promise((opened == status::ok) == is_answer(answered), "only what opened answers");
  if (opened != status::ok) {
    promise(answered == status::not_open && session.bind({}) == status::not_open,
            "what did not open is closed");
    return;
  }
  promise(answer.semantic_class >= 0 && answer.semantic_class < session.classes(), "an answer is a class");
  const std::array<std::uint8_t, static_cast<std::size_t>(network::input::size)> pixels{};
  const status of_pixels = session.run(pixels, answer);
  promise(of_pixels == status::image_pixels || of_pixels == status::key_missing, "features are no pixels");
  const std::vector<float> key(static_cast<std::size_t>(network::sites[0].size() + network::sites[1].size()),
                               1.0F);
  const std::array<std::span<const float>, 2> both = {
      std::span(key).first(static_cast<std::size_t>(network::sites[0].size())),
      std::span(key).subspan(static_cast<std::size_t>(network::sites[0].size()))};
  for (const std::size_t count : {0U, 1U, 2U}) {
    for (const std::size_t first : {0U, 1U}) {
      if (first + count > 2) continue;
      const status bound = session.bind(std::span(both).subspan(first, count));
      promise(is_answer(session.run_normalised(x, answer)), "an open session answers");
      promise(answer.semantic_class >= 0 && answer.semantic_class < session.classes(),
              "an answer is a class");
      promise((bound == status::ok) <= (answer.key == infer::key_state::bound), "a bound key is used");
    }
  }
}

// A sound image of zeros with a header, and the input over it from the front and from the back.
template <class Weight>
void check_repaired(std::span<const std::byte> input) {
  constexpr std::size_t bytes = infer::image_layout<network, Weight>::bytes;
  const aligned_bytes image(bytes);
  infer::image_header header;
  network::list.name().copy(header.model, sizeof header.model - 1);
  header.weights = infer::weight_code<Weight>;
  header.classes = 5;
  header.softmax = 6;
  header.payload = bytes - sizeof header;
  header.injector = static_cast<std::uint32_t>(injector_kind::multiplicative);
  header.sites = 3;
  header.gamma = 2;
  std::memcpy(image.span().data(), &header, sizeof header);
  // Fields of the header first, in the order of the struct behind the name, then the payload.
  constexpr std::size_t fields = sizeof header.magic + sizeof header.model;
  const std::size_t count = std::min(input.size(), bytes - fields);
  if (count != 0) std::memcpy(image.span().data() + fields, input.data(), count);
  std::memcpy(&header, image.span().data(), sizeof header);
  header.payload = bytes - sizeof header;
  std::memcpy(image.span().data(), &header, sizeof header);
  header.checksum = infer::checksum_of_image(image.span().data(), bytes);
  std::memcpy(image.span().data(), &header, sizeof header);
  check<Weight>(image.span());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> input = std::as_bytes(std::span(data, size));
  const aligned_bytes copy(size);
  std::copy(input.begin(), input.end(), copy.span().begin());
  check<float>(copy.span());
  check<std::int8_t>(copy.span());
  check_repaired<float>(input);
  check_repaired<std::int8_t>(input);
  return 0;
}
