// A plugin for qemu-user, which has no counter of its own: at every mark (hosted.cpp: a write of no bytes) it writes the
// instructions that the program has executed so far, one number a line, to stderr.
// Debian ships QEMU without its plugin header, so what is used of it is declared here; API_VERSION is 1 for QEMU 7 and 8.
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>

extern "C" {

using plugin_id = std::uint64_t;
struct block;

std::size_t qemu_plugin_tb_n_insns(const block*);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, block*));
void qemu_plugin_register_vcpu_tb_exec_cb(block*, void (*)(unsigned, void*), int flags, void*);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id,
                                          void (*)(plugin_id, unsigned, std::int64_t, std::uint64_t,
                                                   std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t,
                                                   std::uint64_t, std::uint64_t, std::uint64_t));

[[gnu::visibility("default")]] int qemu_plugin_version = API_VERSION;
[[gnu::visibility("default")]] int qemu_plugin_install(plugin_id, const void*, int, char**);
}

namespace {

constexpr std::int64_t write_call = 64;  // of Linux on aarch64
std::uint64_t executed = 0;

void on_execution(unsigned, void* instructions) {
  executed += reinterpret_cast<std::uintptr_t>(instructions);
}

void on_translation(plugin_id, block* b) {
  qemu_plugin_register_vcpu_tb_exec_cb(b, on_execution, 0,
                                       reinterpret_cast<void*>(qemu_plugin_tb_n_insns(b)));
}

void on_system_call(plugin_id, unsigned, std::int64_t call, std::uint64_t, std::uint64_t, std::uint64_t bytes,
                    std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t) {
  if (call == write_call && bytes == 0) std::fprintf(stderr, "%" PRIu64 "\n", executed);
}

}  // namespace

int qemu_plugin_install(plugin_id id, const void*, int, char**) {
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_vcpu_syscall_cb(id, on_system_call);
  return 0;
}
