// All files of a program that include the library are compiled for the same instructions, or the program does not link.
//
// Functions in headers are compiled in every file, and the linker keeps one of each: were one file compiled with
// -march=x86-64-v4, a processor without AVX-512 could meet its instructions in all of them. (The library needs no
// -march for speed: its kernels are chosen at run time.) Every file defines the symbol below in a section group that is
// named after its instructions. Of equal groups the linker keeps one; of different ones it finds two symbols of one
// name, and that name is the sentence (not with -flto, which sees one file). SPANKEY_ALLOW_MIXED_MARCH: for a program
// whose processors have all of them.
#pragma once

#if defined(__ELF__) && (defined(__x86_64__) || defined(__aarch64__)) && !defined(__CUDACC__) && \
    !defined(SPANKEY_ALLOW_MIXED_MARCH)

#if defined(__x86_64__)
#if defined(__SSE3__)
#define SPANKEY_MARCH_SSE3 "_sse3"
#else
#define SPANKEY_MARCH_SSE3 ""
#endif
#if defined(__SSSE3__)
#define SPANKEY_MARCH_SSSE3 "_ssse3"
#else
#define SPANKEY_MARCH_SSSE3 ""
#endif
#if defined(__SSE4_1__)
#define SPANKEY_MARCH_SSE4_1 "_sse4_1"
#else
#define SPANKEY_MARCH_SSE4_1 ""
#endif
#if defined(__SSE4_2__)
#define SPANKEY_MARCH_SSE4_2 "_sse4_2"
#else
#define SPANKEY_MARCH_SSE4_2 ""
#endif
#if defined(__POPCNT__)
#define SPANKEY_MARCH_POPCNT "_popcnt"
#else
#define SPANKEY_MARCH_POPCNT ""
#endif
#if defined(__LZCNT__)
#define SPANKEY_MARCH_LZCNT "_lzcnt"
#else
#define SPANKEY_MARCH_LZCNT ""
#endif
#if defined(__BMI__)
#define SPANKEY_MARCH_BMI "_bmi"
#else
#define SPANKEY_MARCH_BMI ""
#endif
#if defined(__BMI2__)
#define SPANKEY_MARCH_BMI2 "_bmi2"
#else
#define SPANKEY_MARCH_BMI2 ""
#endif
#if defined(__MOVBE__)
#define SPANKEY_MARCH_MOVBE "_movbe"
#else
#define SPANKEY_MARCH_MOVBE ""
#endif
#if defined(__F16C__)
#define SPANKEY_MARCH_F16C "_f16c"
#else
#define SPANKEY_MARCH_F16C ""
#endif
#if defined(__FMA__)
#define SPANKEY_MARCH_FMA "_fma"
#else
#define SPANKEY_MARCH_FMA ""
#endif
#if defined(__AVX__)
#define SPANKEY_MARCH_AVX "_avx"
#else
#define SPANKEY_MARCH_AVX ""
#endif
#if defined(__AVX2__)
#define SPANKEY_MARCH_AVX2 "_avx2"
#else
#define SPANKEY_MARCH_AVX2 ""
#endif
#if defined(__AVX512F__)
#define SPANKEY_MARCH_AVX512F "_avx512f"
#else
#define SPANKEY_MARCH_AVX512F ""
#endif
#if defined(__AVX512BW__)
#define SPANKEY_MARCH_AVX512BW "_avx512bw"
#else
#define SPANKEY_MARCH_AVX512BW ""
#endif
#if defined(__AVX512VL__)
#define SPANKEY_MARCH_AVX512VL "_avx512vl"
#else
#define SPANKEY_MARCH_AVX512VL ""
#endif
#if defined(__AVX512FP16__)
#define SPANKEY_MARCH_AVX512FP16 "_avx512fp16"
#else
#define SPANKEY_MARCH_AVX512FP16 ""
#endif
#define SPANKEY_MARCH    \
  SPANKEY_MARCH_SSE3     \
  SPANKEY_MARCH_SSSE3    \
  SPANKEY_MARCH_SSE4_1   \
  SPANKEY_MARCH_SSE4_2   \
  SPANKEY_MARCH_POPCNT   \
  SPANKEY_MARCH_LZCNT    \
  SPANKEY_MARCH_BMI      \
  SPANKEY_MARCH_BMI2     \
  SPANKEY_MARCH_MOVBE    \
  SPANKEY_MARCH_F16C     \
  SPANKEY_MARCH_FMA      \
  SPANKEY_MARCH_AVX      \
  SPANKEY_MARCH_AVX2     \
  SPANKEY_MARCH_AVX512F  \
  SPANKEY_MARCH_AVX512BW \
  SPANKEY_MARCH_AVX512VL \
  SPANKEY_MARCH_AVX512FP16
#else
#if defined(__ARM_FEATURE_SVE)
#define SPANKEY_MARCH_SVE "_sve"
#else
#define SPANKEY_MARCH_SVE ""
#endif
#if defined(__ARM_FEATURE_SVE2)
#define SPANKEY_MARCH_SVE2 "_sve2"
#else
#define SPANKEY_MARCH_SVE2 ""
#endif
#if defined(__ARM_FEATURE_ATOMICS)
#define SPANKEY_MARCH_ATOMICS "_atomics"
#else
#define SPANKEY_MARCH_ATOMICS ""
#endif
#if defined(__ARM_FEATURE_DOTPROD)
#define SPANKEY_MARCH_DOTPROD "_dotprod"
#else
#define SPANKEY_MARCH_DOTPROD ""
#endif
#if defined(__ARM_FEATURE_BF16)
#define SPANKEY_MARCH_BF16 "_bf16"
#else
#define SPANKEY_MARCH_BF16 ""
#endif
#define SPANKEY_MARCH   \
  SPANKEY_MARCH_SVE     \
  SPANKEY_MARCH_SVE2    \
  SPANKEY_MARCH_ATOMICS \
  SPANKEY_MARCH_DOTPROD \
  SPANKEY_MARCH_BF16
#endif

namespace spankey {

/// Never called. In a function, as link-time optimisation takes symbols of a file's own assembly for one more definition;
/// .ifndef, as it makes one file of several.
[[gnu::used]] inline void needs_one_march() {
  __asm__ volatile(
      ".ifndef SpanKey_needs_the_same_march_option_in_every_file\n"
      ".pushsection .rodata.spankey_march, \"aG\", %progbits, spankey_march" SPANKEY_MARCH
      ", comdat\n"
      ".globl SpanKey_needs_the_same_march_option_in_every_file\n"
      ".hidden SpanKey_needs_the_same_march_option_in_every_file\n"
      "SpanKey_needs_the_same_march_option_in_every_file: .byte 0\n"
      ".popsection\n"
      ".endif\n");
}

}  // namespace spankey

#endif
