#include "layer_text.hpp"

#include <charconv>
#include <cmath>
#include <string>
#include <system_error>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"

namespace conformance {
namespace {

using spankey::activation;
using spankey::extents;
using spankey::index_t;
using spankey::layer_list;

/// The words of one line, taken from the front; options in any order behind them.
class text_line {
 public:
  text_line(std::string_view file, int number, std::string_view line)
      : file_(file), line_(line), number_(number) {
    for (std::string_view rest = line;;) {
      const std::size_t end = rest.find(' ');
      words_.push_back(rest.substr(0, end));
      if (end == std::string_view::npos) return;
      rest.remove_prefix(end + 1);
    }
  }

  [[noreturn]] void reject(std::string_view id, std::string_view why) const {
    spankey::fail(id, file_, "metadata \"layers\", line ", number_, ", ", spankey::in_quotes(line_), ": ",
                  why);
  }
  [[noreturn]] void reject_words(std::string_view expected) const {
    reject("case.121", "expected " + std::string(expected));
  }

  std::string_view word(std::string_view expected) {
    if (words_.empty()) reject_words(expected);
    const std::string_view first = words_.front();
    words_.erase(words_.begin());
    return first;
  }
  std::string_view name() {
    constexpr std::string_view expected = "a name of letters, digits and _";
    const std::string_view found = word(expected);
    for (const char c : found) {
      const bool fits =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
      if (!fits) reject_words(expected);
    }
    if (found.empty()) reject_words(expected);
    return found;
  }
  index_t number(index_t least) {
    const std::string expected =
        "a number from " + std::to_string(least) + " to " + std::to_string(largest_number);
    return whole(word(expected), least, expected);
  }
  double real() {
    constexpr std::string_view expected = "a number from 0 to 1";
    return real_of(word(expected), expected);
  }

  /// The next word, if it is this one.
  bool take(std::string_view word) {
    for (auto w = words_.begin(); w != words_.end(); ++w) {
      if (*w != word) continue;
      words_.erase(w);
      return true;
    }
    return false;
  }
  /// Of name=value; `usual` where it is left out.
  index_t option(std::string_view name, index_t usual, index_t least) {
    const std::string expected = std::string(name) + "= a number from " + std::to_string(least) + " to " +
                                 std::to_string(largest_number);
    const std::string_view value = value_of(name);
    return value.data() == nullptr ? usual : whole(value, least, expected);
  }
  double option(std::string_view name, double usual) {
    const std::string_view value = value_of(name);
    return value.data() == nullptr ? usual : real_of(value, std::string(name) + "= a number from 0 to 1");
  }
  std::string_view value_of(std::string_view name) {
    for (auto w = words_.begin(); w != words_.end(); ++w) {
      if (w->size() <= name.size() || !w->starts_with(name) || (*w)[name.size()] != '=') continue;
      const std::string_view value = w->substr(name.size() + 1);
      words_.erase(w);
      return value;
    }
    return {};
  }
  void end() const {
    if (!words_.empty()) reject_words("no " + spankey::in_quotes(words_.front()));
  }

 private:
  [[nodiscard]] index_t whole(std::string_view text, index_t least, std::string_view expected) const {
    index_t parsed = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (code != std::errc() || end != text.data() + text.size() || parsed < least || parsed > largest_number)
      reject_words(expected);
    return parsed;
  }
  [[nodiscard]] double real_of(std::string_view text, std::string_view expected) const {
    double parsed = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (code != std::errc() || end != text.data() + text.size() || !(parsed >= 0 && parsed <= 1))
      reject_words(expected);
    return parsed;
  }

  std::string_view file_, line_;
  int number_;
  std::vector<std::string_view> words_;
};

spankey::conv2d_options conv2d_of(text_line& line) {
  spankey::conv2d_options o;
  o.kernel = line.option("kernel", o.kernel, 1);
  o.stride = line.option("stride", o.stride, 1);
  o.groups = line.option("groups", o.groups, 1);
  if (const std::string_view pad = line.value_of("pad"); pad == "none") {
    o.pad = spankey::padding::none;
  } else if (pad.data() != nullptr && pad != "same") {
    line.reject_words("pad=same or pad=none");
  }
  o.bias = line.take("bias") ? spankey::bias::learned : spankey::bias::none;
  return o;
}

spankey::pool2d_options pool2d_of(text_line& line) {
  spankey::pool2d_options o;
  o.kernel = line.option("kernel", o.kernel, 1);
  o.stride = line.option("stride", o.stride, 1);
  o.padding = line.option("padding", o.padding, 0);
  return o;
}

void append(layer_list& net, text_line& line, const spankey::head_outputs& outputs) {
  const std::string_view kind = line.word("a layer");
  if (kind == "site") {
    const auto number = static_cast<int>(line.number(0));
    net.site(number, line.take("channel") ? spankey::key_shape::channel
                     : line.take("token") ? spankey::key_shape::token
                                          : spankey::key_shape::element);
  } else if (kind == "conv2d") {
    const std::string_view name = line.name();
    const index_t channels = line.number(1);
    net.conv2d(name, channels, conv2d_of(line));
  } else if (kind == "batch_norm2d") {
    const std::string_view name = line.name();
    spankey::batch_norm_options o;
    o.epsilon = line.option("epsilon", o.epsilon);
    o.momentum = line.option("momentum", o.momentum);
    o.scale = !line.take("unscaled");
    o.shift = o.scale || line.take("shifted");
    net.batch_norm2d(name, line.take("relu") ? activation::relu : activation::identity, o);
  } else if (kind == "layer_norm") {
    const std::string_view name = line.name();
    spankey::layer_norm_options o;
    o.epsilon = line.option("epsilon", o.epsilon);
    o.scale = !line.take("unscaled");
    net.layer_norm(name, o);
  } else if (kind == "dropout") {
    const std::string_view name = line.name();
    net.dropout(name, line.real());
  } else if (kind == "relu") {
    net.relu(line.name());
  } else if (kind == "gelu") {
    net.gelu(line.name());
  } else if (kind == "gelu_tanh") {
    net.activate(line.name(), activation::gelu_tanh);
  } else if (kind == "silu") {
    net.silu(line.name());
  } else if (kind == "max_pool2d") {
    const std::string_view name = line.name();
    net.max_pool2d(name, pool2d_of(line));
  } else if (kind == "mean_pool2d") {
    net.mean_pool2d(line.name());
  } else if (kind == "linear") {
    const std::string_view name = line.name();
    net.linear(name, line.number(1));
  } else if (kind == "tokens") {
    const std::string_view name = line.name();
    net.tokens(name, {.class_token = line.take("class_token")});
  } else if (kind == "project") {
    const std::string_view name = line.name();
    net.project(name, line.number(1));
  } else if (kind == "attention") {
    const std::string_view name = line.name();
    const index_t heads = line.number(1);
    net.attention(name, heads, line.take("causal"));
  } else if (kind == "token") {
    const std::string_view name = line.name();
    net.token(name, line.number(0));
  } else if (kind == "residual") {
    net.residual(line.name());
  } else if (kind == "skip") {
    net.skip(line.name());
  } else if (kind == "join") {
    net.join(line.take("relu") ? activation::relu : activation::identity);
  } else if (kind == "head") {
    net.head(line.name(), outputs);
  } else {
    line.reject_words("a layer");
  }
  line.end();
}

}  // namespace

layer_list read_layers(std::string_view file, std::string_view text, const spankey::head_outputs& outputs) {
  int number = 0;
  const auto next_line = [&] {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
    return text_line(file, ++number, line);
  };
  text_line first = next_line();
  if (first.word("input") != "input") first.reject_words("input, channels, height, width");
  const index_t channels = first.number(1), height = first.number(1), width = first.number(1);
  first.end();
  layer_list net("layers", {channels, height, width});
  if (net.input().size() > largest_activation) first.reject("case.122", "the input is too large");
  while (!text.empty()) {
    text_line line = next_line();
    append(net, line, outputs);
    const spankey::list_fault found = net.found();
    if (found != spankey::list_fault::none && found != spankey::list_fault::no_head)
      line.reject("case.122", spankey::sentence_of(found));
    if (net.now().size() > largest_activation) line.reject("case.122", "its output is too large");
    if (found == spankey::list_fault::none && !text.empty())
      next_line().reject("case.122", "expected nothing behind the head");
    if (found == spankey::list_fault::no_head && text.empty())
      line.reject("case.122", "expected a head as the last line");
  }
  if (number == 1) first.reject("case.122", "expected a head as the last line");
  return net;
}

}  // namespace conformance
