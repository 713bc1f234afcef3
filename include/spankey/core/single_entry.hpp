// Are two threads inside one object that serves one at a time? Looked at in debug builds (without NDEBUG); a release build
// pays nothing and sees nothing. Takes no heap and no library of atomics: where the processor cannot exchange a byte
// atomically (Cortex-M0), an interrupt's entry is still seen, for it comes between two instructions.
//
//   const single_entry::pass inside(entry_);
//   if (!inside) return status::busy;
#pragma once

#include "spankey/core/dialect.hpp"

namespace spankey {

class single_entry {
 public:
  class pass {
   public:
    explicit pass(single_entry& entry) : entry_(entry), entered_(entry.enter()) {}
    ~pass() {
      if (entered_) entry_.leave();
    }
    pass(const pass&) = delete;
    pass& operator=(const pass&) = delete;
    /// False where another thread is inside.
    explicit operator bool() const { return entered_; }

   private:
    single_entry& entry_;
    bool entered_;
  };

  single_entry() = default;
  // Whoever copies or moves an object starts with nobody inside the new one.
  single_entry(const single_entry&) {}
  single_entry& operator=(const single_entry&) { return *this; }

 private:
#if defined(NDEBUG)
  static bool enter() { return true; }
  static void leave() {}
#elif defined(__GCC_ATOMIC_CHAR_LOCK_FREE) && __GCC_ATOMIC_CHAR_LOCK_FREE == 2
  bool enter() { return __atomic_exchange_n(&inside_, static_cast<unsigned char>(1), __ATOMIC_ACQUIRE) == 0; }
  void leave() { __atomic_store_n(&inside_, static_cast<unsigned char>(0), __ATOMIC_RELEASE); }
#else
  bool enter() {
    volatile unsigned char& inside = inside_;
    if (inside != 0) return false;
    inside = 1;
    return true;
  }
  void leave() {
    volatile unsigned char& inside = inside_;
    inside = 0;
  }
#endif

  [[maybe_unused]] unsigned char inside_ = 0;  // in release builds too: an object has one layout
};

}  // namespace spankey
