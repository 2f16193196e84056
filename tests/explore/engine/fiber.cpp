// SPDX-License-Identifier: BSL-1.0
#include "fiber.hpp"

#include <asm/prctl.h>
#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#if !defined(__x86_64__) || !defined(__linux__)
#error "the explorer runs on x86-64 Linux"
#endif

extern "C" void explore_swap_stacks(void** save, void* load);
extern "C" void explore_begin();
// Saves what a function must preserve, changes stacks, restores. A new stack is laid out so that the return leads to explore_begin.
asm(R"(
    .text
    .globl explore_swap_stacks
    .type explore_swap_stacks, @function
explore_swap_stacks:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size explore_swap_stacks, .-explore_swap_stacks
    .globl explore_begin
    .type explore_begin, @function
explore_begin:
    .cfi_startproc
    .cfi_undefined rip
    movq %r13, %rdi
    callq *%r12
    ud2
    .cfi_endproc
    .size explore_begin, .-explore_begin
)");

namespace explore {

namespace {

bool const fast = (getauxval(AT_HWCAP2) & 2) != 0;  // HWCAP2_FSGSBASE: user code may write the register

[[gnu::always_inline]] inline void wear(std::uintptr_t block) {
    if (fast) {
        asm volatile("wrfsbase %0" ::"r"(block) : "memory");
    } else {
        long result = SYS_arch_prctl;
        asm volatile("syscall" : "+a"(result) : "D"(ARCH_SET_FS), "S"(block) : "rcx", "r11", "memory");
    }
}

/// The program's own segment of thread_locals: its initial image, and where the calling thread has it.
struct locals_segment {
    void const* image = nullptr;
    std::size_t initialised = 0, size = 0;
    void* here = nullptr;
};
int look(dl_phdr_info* info, std::size_t, void* to) {
    auto& found = *static_cast<locals_segment*>(to);
    for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
        auto const& segment = info->dlpi_phdr[i];
        if (segment.p_type == PT_TLS)
            found = {reinterpret_cast<void const*>(info->dlpi_addr + segment.p_vaddr), segment.p_filesz, segment.p_memsz,
                     info->dlpi_tls_data};
    }
    return 1;  // the program itself comes first
}
locals_segment locals() {
    locals_segment found;
    dl_iterate_phdr(look, &found);
    return found;
}

}  // namespace

void* fiber::donate(void* self) {
    auto& f = *static_cast<fiber*>(self);
    f.block_ = reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
    locals_segment const segment = locals();
    f.locals_ = segment.here;
    f.image_ = segment.image;
    f.initialised_ = segment.initialised;
    f.locals_size_ = segment.size;
    f.exceptions_ = abi::__cxa_get_globals();
    __atomic_store_n(&f.ready_, 1u, __ATOMIC_RELEASE);
    for (;;)
        ::pause();
}

fiber::fiber(original) : block_{reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer())} {}

fiber::fiber() {
    void* const stack = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) std::abort();
    ::mprotect(stack, 4096, PROT_NONE);
    low_ = reinterpret_cast<std::uintptr_t>(stack);

    using create = int (*)(pthread_t*, pthread_attr_t const*, void* (*)(void*), void*);
    auto const real = reinterpret_cast<create>(::dlsym(RTLD_NEXT, "pthread_create"));
    pthread_attr_t small;
    ::pthread_attr_init(&small);
    ::pthread_attr_setstacksize(&small, std::size_t{128} << 10);
    pthread_t donor;
    if (real(&donor, &small, &fiber::donate, this) != 0) std::abort();
    ::pthread_attr_destroy(&small);
    while (__atomic_load_n(&ready_, __ATOMIC_ACQUIRE) == 0)
        ::usleep(50);
}

void fiber::prepare(void (*main)(void*), void* argument) {
    if (locals_ != nullptr) {
        std::memcpy(locals_, image_, initialised_);
        std::memset(static_cast<char*>(locals_) + initialised_, 0, locals_size_ - initialised_);
    }
    std::memset(exceptions_, 0, 2 * sizeof(void*));  // those in flight when it was abandoned

    auto** top = reinterpret_cast<void**>(low_ + stack_size);
    *--top = nullptr;
    *--top = nullptr;  // keeps calls aligned
    *--top = reinterpret_cast<void*>(&explore_begin);
    *--top = nullptr;                                // rbp
    *--top = nullptr;                                // rbx
    *--top = reinterpret_cast<void*>(main);          // r12
    *--top = argument;                               // r13
    *--top = nullptr;                                // r14
    *--top = nullptr;                                // r15
    stack_pointer_ = top;
}

[[gnu::noinline, gnu::no_stack_protector]] void fiber::change(fiber& from, fiber& to) {
    wear(to.block_);
    explore_swap_stacks(&from.stack_pointer_, to.stack_pointer_);
}

}  // namespace explore
