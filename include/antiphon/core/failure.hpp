// SPDX-License-Identifier: BSL-1.0
#pragma once
// Why an ask has no answer, and whether its work may have happened all the same.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iosfwd>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/contract.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/lifetime.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon {

/// Whether the work that failed was carried out: the one fact that decides if asking again is safe.
enum class executed : unsigned char {
    no,     ///< certainly not: it was refused before it began
    maybe,  ///< nobody knows
    yes,    ///< it began
};
/// `no`, `maybe` or `yes`, on any stream; including `<ostream>` is the user's business.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, executed how) {
    return out << (how == executed::no ? "no" : how == executed::yes ? "yes" : "maybe");
}

/// A text that outlives everything: only a string literal (or a constant array with static storage) converts to it.
class static_text {
public:
    template <std::size_t N>
    consteval static_text(char const (&literal)[N]) noexcept : text_{literal} {}
    [[nodiscard]] constexpr char const* c_str() const noexcept { return text_; }

private:
    char const* text_;
};

/// The enumerations a `failure` is made of: those of `std::error_code`, and `std::errc`.
template <class E>
concept error_code_enum = std::is_error_code_enum_v<E> || std::same_as<E, std::errc>;

/// Why there is no answer: a code, whether the work may have happened, and perhaps a text or the exception itself.
/// **Threads**: a value; like `std::exception_ptr`, copies that share an exception may live in different threads.
/// **Cost**: 32 bytes; building, copying, moving and dropping one never throws, and allocates only if there is an exception to make.
class failure final {
public:
    template <error_code_enum E>
    failure(E code, antiphon::executed how = antiphon::executed::maybe) noexcept : failure{to_error_code(code), how} {}
    template <error_code_enum E>
    failure(E code, antiphon::executed how, static_text text) noexcept : failure{to_error_code(code), how, text} {}
    template <error_code_enum E>
    failure(E code, static_text text) noexcept : failure{to_error_code(code), antiphon::executed::maybe, text} {}

    /// A code that says success is no reason to fail: it becomes `errc::unknown`.
    failure(std::error_code code, antiphon::executed how = antiphon::executed::maybe) noexcept : failure{no_text, code, how} {}
    /// `text` says more precisely than the code what is wrong.
    failure(std::error_code code, antiphon::executed how, static_text text) noexcept : failure{text.c_str(), code, how} {}
    failure(std::error_code code, static_text text) noexcept : failure{text.c_str(), code, antiphon::executed::maybe} {}

    failure(failure const& other) noexcept;
    failure(failure&& other) noexcept;
    failure& operator=(failure const& other) noexcept;
    failure& operator=(failure&& other) noexcept;
    ~failure() {
        if (thrown_) detail::destroy_at(&exception_);
    }

    /// The failure of what was thrown. Its code is that of a `std::system_error`, `errc::resource_exhausted` for
    /// `std::bad_alloc`, else `errc::unknown`. A `request_error` is unwrapped: the failure that it carries comes back
    /// whole, as `how`. A null pointer is an unknown failure without an exception.
    [[nodiscard]] static failure from_exception(std::exception_ptr thrown, antiphon::executed how = antiphon::executed::yes) noexcept;
    /// The failure of the exception being handled.
    [[nodiscard]] static failure current(antiphon::executed how = antiphon::executed::yes) noexcept {
        return from_exception(std::current_exception(), how);
    }

    [[nodiscard]] std::error_code code() const noexcept { return {value_, *category_}; }
    /// What the exception says, else the static text, else what the code says. **Cost**: allocates the string.
    [[nodiscard]] std::string message() const;
    /// What the handler threw; null when it threw nothing.
    [[nodiscard]] std::exception_ptr exception() const noexcept { return thrown_ && !described_ ? exception_ : std::exception_ptr{}; }
    [[nodiscard]] antiphon::executed executed() const noexcept { return executed_; }
    /// How long the other side asks to wait before the next attempt; negative: do not try again.
    [[nodiscard]] std::optional<duration> retry_after() const noexcept {
        return retry_after_ == unspecified ? std::optional<duration>{} : retry_after_;
    }
    /// How many attempts were made before giving up. **Cost**: 24 bits, saturating.
    [[nodiscard]] unsigned attempts() const noexcept { return attempts_; }

    template <class Rep, class Period>
    failure& with_retry_after(std::chrono::duration<Rep, Period> wait) & noexcept {
        retry_after_ = saturating_cast(wait);
        if (retry_after_ == unspecified) ++retry_after_;
        return *this;
    }
    template <class Rep, class Period>
    [[nodiscard]] failure with_retry_after(std::chrono::duration<Rep, Period> wait) && noexcept {
        return std::move(with_retry_after(wait));
    }
    failure& with_attempts(unsigned count) & noexcept {
        attempts_ = (count < most_attempts ? count : most_attempts) & most_attempts;
        return *this;
    }
    [[nodiscard]] failure with_attempts(unsigned count) && noexcept { return std::move(with_attempts(count)); }
    failure& with_executed(antiphon::executed how) & noexcept {
        executed_ = how;
        return *this;
    }
    [[nodiscard]] failure with_executed(antiphon::executed how) && noexcept { return std::move(with_executed(how)); }

    /// A text that is no literal: one that came from another process. An exception that it carries says more, and stays.
    /// **Cost**: allocates; where there is no memory for it, and in programs without exceptions, the text is lost.
    failure& with_message(std::string text) & noexcept;
    [[nodiscard]] failure with_message(std::string text) && noexcept { return std::move(with_message(std::move(text))); }

    /// Rethrows the exception it carries, else throws a `request_error`. **Errors**: without exceptions, terminates.
    [[noreturn]] void raise() const;

    /// Its `message()`.
    template <class Traits>
    friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, failure const& why) {
        return out << why.message();
    }

    /// Failures are equal when their codes are.
    [[nodiscard]] friend bool operator==(failure const& a, failure const& b) noexcept { return a.code() == b.code(); }
    [[nodiscard]] friend bool operator==(failure const& a, std::error_code const& b) noexcept { return a.code() == b; }
    [[nodiscard]] friend bool operator==(failure const& a, std::error_condition const& b) noexcept { return a.code() == b; }
    template <class E>
        requires std::is_error_code_enum_v<E>
    [[nodiscard]] friend bool operator==(failure const& a, E b) noexcept {
        return a.code() == std::error_code{b};
    }
    template <class E>
        requires std::is_error_condition_enum_v<E>
    [[nodiscard]] friend bool operator==(failure const& a, E b) noexcept {
        return a.code() == std::error_condition{b};
    }

private:
    friend class request_error;

    static constexpr duration unspecified = duration::min();
    static constexpr char const* no_text = nullptr;
    static constexpr unsigned most_attempts = (1U << 24) - 1;

    template <class E>
    static std::error_code to_error_code(E code) noexcept {
        using std::make_error_code;
        return make_error_code(code);
    }
    failure(char const* text, std::error_code code, antiphon::executed how) noexcept
        : category_{code ? &code.category() : &error_category()},
          value_{code ? code.value() : static_cast<int>(errc::unknown)},
          executed_{how},
          text_{text} {}
    failure(std::exception_ptr&& thrown, std::error_code code, antiphon::executed how) noexcept : failure{no_text, code, how} {
        detail::construct_at(&exception_, std::move(thrown));
        thrown_ = true;
    }

    std::error_category const* category_;
    int value_;
    std::uint32_t attempts_ : 24 = 1;
    antiphon::executed executed_ : 4;
    bool thrown_ : 1 = false;
    bool described_ : 1 = false;  ///< `exception_` only holds a text
    duration retry_after_ = unspecified;
    union {
        char const* text_;              // unless thrown_
        std::exception_ptr exception_;  // if thrown_
    };
};

/// What `result::value()` throws when no exception was behind the failure.
class request_error final : public std::system_error {
public:
    explicit request_error(failure why)
        : std::system_error{why.thrown_ ? std::system_error{why.code(), why.message()} : std::system_error{why.code()}},
          why_{std::move(why)} {}
    [[nodiscard]] failure const& why() const noexcept { return why_; }
    /// The static text of the failure if it has one, else what its code says.
    [[nodiscard]] char const* what() const noexcept override {
        return !why_.thrown_ && why_.text_ != nullptr ? why_.text_ : std::system_error::what();
    }

private:
    failure why_;
};

inline failure::failure(failure const& other) noexcept
    : category_{other.category_},
      value_{other.value_},
      attempts_{other.attempts_},
      executed_{other.executed_},
      thrown_{other.thrown_},
      described_{other.described_},
      retry_after_{other.retry_after_},
      text_{nullptr} {
    if (thrown_) {
        detail::construct_at(&exception_, other.exception_);
    } else {
        text_ = other.text_;
    }
}

inline failure::failure(failure&& other) noexcept
    : category_{other.category_},
      value_{other.value_},
      attempts_{other.attempts_},
      executed_{other.executed_},
      thrown_{other.thrown_},
      described_{other.described_},
      retry_after_{other.retry_after_},
      text_{nullptr} {
    if (thrown_) {
        detail::construct_at(&exception_, std::move(other.exception_));
    } else {
        text_ = other.text_;
    }
}

inline failure& failure::operator=(failure const& other) noexcept { return *this = failure{other}; }

inline failure& failure::operator=(failure&& other) noexcept {
    if (this != &other) {
        // The exception that was held may die here, running its destructor: it goes last, when *this is whole again.
        failure const old{std::move(*this)};
        detail::destroy_at(this);
        detail::construct_at(this, std::move(other));
    }
    return *this;
}

#if ANTIPHON_EXCEPTIONS

inline failure failure::from_exception(std::exception_ptr thrown, antiphon::executed how) noexcept {
    if (thrown == nullptr) return failure{errc::unknown, how};
    try {
        std::rethrow_exception(thrown);
    } catch (request_error const& e) {
        return failure{e.why()}.with_executed(how);
    } catch (std::system_error const& e) {
        return failure{std::move(thrown), e.code(), how};
    } catch (std::bad_alloc const&) {
        return failure{std::move(thrown), errc::resource_exhausted, how};
    } catch (...) {
        return failure{std::move(thrown), errc::unknown, how};
    }
}

namespace detail {

/// A text, held as exceptions are, by several failures at once. Never thrown to anybody.
class description final : public std::exception {
public:
    explicit description(std::string text) noexcept : text_{std::move(text)} {}
    [[nodiscard]] char const* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

}  // namespace detail

inline failure& failure::with_message(std::string text) & noexcept {
    if (thrown_ && !described_) return *this;
    failure described{std::make_exception_ptr(detail::description{std::move(text)}), code(), executed_};
    described.attempts_ = attempts_;
    described.retry_after_ = retry_after_;
    described.described_ = true;
    return *this = std::move(described);
}

inline std::string failure::message() const {
    if (!thrown_) return text_ != nullptr ? text_ : code().message();
    if (exception_ == nullptr) return code().message();
    try {
        std::rethrow_exception(exception_);
    } catch (std::exception const& e) {
        return e.what();
    } catch (...) {
        return "an exception that is not a std::exception";
    }
}

inline void failure::raise() const {
    if (thrown_ && !described_ && exception_ != nullptr) std::rethrow_exception(exception_);
    throw request_error{*this};
}

#else

inline failure failure::from_exception(std::exception_ptr, antiphon::executed how) noexcept { return failure{errc::unknown, how}; }

inline failure& failure::with_message(std::string) & noexcept { return *this; }

inline std::string failure::message() const { return !thrown_ && text_ != nullptr ? text_ : code().message(); }

inline void failure::raise() const { detail::terminate_with(message().c_str()); }

#endif

static_assert(sizeof(std::exception_ptr) > sizeof(void*) || sizeof(failure) <= 32);

}  // namespace antiphon
