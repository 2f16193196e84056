// SPDX-License-Identifier: BSL-1.0
// A worker in a process of its own: worker nats|jetstream|amqp URL. Says `ready`, serves until SIGTERM or the end of its standard input,
// drains, and says how many asks it has answered.
#include <antiphon/antiphon.hpp>
#include <antiphon/messaging/client.hpp>

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#if WORKER_NATS
#include <antiphon/interop/jetstream.hpp>
#include <antiphon/interop/nats.hpp>
#endif
#if WORKER_AMQP
#include <antiphon/interop/amqp.hpp>
#endif

namespace ap = antiphon;
namespace ms = antiphon::messaging;
using namespace std::chrono_literals;

namespace {

template <class Transport>
int work(Transport const& over, ::sigset_t const& until) {
    ms::client const bus{over};
    auto const twice = bus.serve("work.twice", ap::request{[](int n) { return 2 * n; }}, {.remember = 1h});
    auto const slow = bus.serve("work.slow", ap::request{[](int n) -> ap::task<int> {
                                    co_await ap::sleep_for(300ms);
                                    co_return 2 * n;
                                }});
    auto const who = bus.serve("work.who", ap::request{[] { return static_cast<int>(::getpid()); }});
    std::printf("ready\n");
    std::fflush(stdout);
    int signal = 0;
    sigwait(&until, &signal);
    bool const whole = twice.drain().get().has_value() && slow.drain().get().has_value() && who.drain().get().has_value();
    std::printf("%llu\n", static_cast<unsigned long long>(twice.answered() + slow.answered()));
    std::fflush(stdout);
    return whole ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    ::sigset_t until;
    sigemptyset(&until);
    sigaddset(&until, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &until, nullptr);  // before there is another thread
    std::thread{[] {
        char c = 0;
        while (::read(0, &c, 1) == 1) {
        }
        ::kill(::getpid(), SIGTERM);
    }}.detach();
    std::string_view const kind = argv[1];
    int code = 2;
#if WORKER_NATS
    if (kind == "nats") {
        ms::nats const over{{.servers = {argv[2]}, .reconnect_wait = 20ms}};
        code = work(over, until);
    }
    if (kind == "jetstream") {
        ms::jetstream_options o{
            .nats = {.servers = {argv[2]}, .reconnect_wait = 20ms}, .subjects = {"work.*"}, .redeliver_after = 500ms};
        ms::jetstream const over{o};
        code = work(over, until);
    }
#endif
#if WORKER_AMQP
    if (kind == "amqp") {
        ms::amqp const over{{.servers = {argv[2]}, .durable = true}};
        code = work(over, until);
    }
#endif
    std::_Exit(code);  // the thread still reads
}
