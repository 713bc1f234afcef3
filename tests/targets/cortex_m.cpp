// The program of the target tests on a Cortex-M without an operating system: vectors, start, semihosting (Arm, document
// 100863: breakpoint 0xAB, operation in r0, argument in r1) and a counter.
//
// Under `qemu -icount shift=0` an instruction takes 1 ns and SysTick runs at the 25 MHz of the MPS2 boards, so one tick
// is 40 instructions; the calibration says whether that holds.
#include "target.hpp"

using word = std::uint32_t;

// From the linker script.
extern "C" {
extern word data_load[], data_begin[], data_end[], bss_begin[], bss_end[], stack_top[];
}

namespace {

constexpr word instructions_per_tick = 40, tick_mask = 0xFFFFFF, paint = 0xA5A5A5A5;
constexpr word write_text = 0x04, stop = 0x20, application_exit = 0x20026;

word last_value = 0;  // of SysTick, which starts at 0
std::uint64_t ticks = 0;

volatile word& device(std::uintptr_t address) { return *reinterpret_cast<volatile word*>(address); }
volatile word& systick_value() { return device(0xE000E018); }

void semihost(word operation, const void* argument) {
  register word r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

[[noreturn]] void leave(word status) {
  const word reason[2] = {application_exit, status};
  semihost(stop, reason);
  for (;;) {
  }
}

[[noreturn]] void fault() {
  print("end fault\n");
  leave(2);
}

// Prints what the counter makes of 100,000 instructions.
void calibrate() {
  word turns = 50000;
  const std::uint64_t before = instructions();
  __asm__ volatile("1: subs %0, #1\n bne 1b" : "+l"(turns) : : "cc");
  const bool right = (instructions() - before + 500) / 1000 == 100;
  print(right ? "calibration ok\n" : "calibration failed\n");
}

[[noreturn, gnu::noinline]] void start() {
  // Volatile, so that these loops stay loops: a call of memset would paint over its own stack.
  for (volatile word *to = data_begin, *from = data_load; to != data_end;) *to++ = *from++;
  for (volatile word* to = bss_begin; to != bss_end;) *to++ = 0;
  for (volatile word* to = bss_end; to < static_cast<word*>(__builtin_frame_address(0)) - 16;) *to++ = paint;
  device(0xE000E014) = tick_mask;  // SysTick: reload, then on, at the processor's clock
  systick_value() = 0;
  device(0xE000E010) = 5;
  calibrate();
  leave(static_cast<word>(firmware()));
}

}  // namespace

extern "C" [[noreturn]] void reset() {
  device(0xE000ED88) = 0xFU << 20;  // CPACR: the floating-point unit, where there is one
  __asm__ volatile("dsb\n isb" : : : "memory");
  start();
}

using handler = void (*)();
[[gnu::section(".vectors"), gnu::used]] const struct {
  word* stack;
  handler reset, others[14];
} vectors = {
    stack_top,
    reset,
    {fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault}};

void print(const char* line) { semihost(write_text, line); }

std::uint64_t instructions() {
  const word now = systick_value();  // counts down
  ticks += (last_value - now) & tick_mask;
  last_value = now;
  return ticks * instructions_per_tick;
}

std::size_t stack_bytes() {
  const word* untouched = bss_end;
  while (untouched != stack_top && *untouched == paint) ++untouched;
  return static_cast<std::size_t>(stack_top - untouched) * sizeof(word);
}
