// message: SpanKey: run takes bytes and normalises them
#include "spankey/backend/reference/reference.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/model/small_cnn.hpp"

using network = spankey::small_cnn<10, spankey::ungated, spankey::backend::reference, float>;

spankey::infer::status answer(spankey::infer::session<network>& session,
                              spankey::infer::answer<network>& found) {
#ifdef SPANKEY_BREAK
  static float pixels[network::input::size];
#else
  static unsigned char pixels[network::input::size];
#endif
  return session.run(pixels, found);
}
