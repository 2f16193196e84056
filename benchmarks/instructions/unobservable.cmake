# The program `unobserved` once more, beside a header in which the place of an observer is empty and says so to the compiler: what is
# left of the difference is what a pipeline pays for the observers that it does not have.
set(header antiphon/request/detail/context_data.hpp)
set(original "${PROJECT_SOURCE_DIR}/include/${header}")
set(place "    antiphon::observer* observer = nullptr;")
set(class "class context_data {\n")
file(READ "${original}" text)
foreach(part IN ITEMS "${place}" "${class}")
  string(FIND "${text}" "${part}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "instructions/unobservable.cmake: ${header} has no longer the line '${part}'")
  endif()
endforeach()
string(REPLACE "${place}" "    [[no_unique_address]] nobody observer;" text "${text}")
string(REPLACE "${class}" "struct nobody {
    constexpr operator antiphon::observer*() const noexcept { return nullptr; }
    constexpr operator decltype(nullptr)() const noexcept { return nullptr; }
    constexpr bool operator==(decltype(nullptr)) const noexcept { return true; }
    antiphon::observer* operator->() const noexcept { return nullptr; }
};
${class}" text "${text}")
file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/unobservable/${header}" CONTENT "${text}" @ONLY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${original}")

add_executable(count_unobservable instructions/unobserved.cpp)
target_include_directories(count_unobservable BEFORE PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/unobservable" "${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(count_unobservable PRIVATE antiphon_dev antiphon_counted_body)
target_compile_options(count_unobservable PRIVATE -O2 -g1)
target_compile_definitions(count_unobservable PRIVATE NDEBUG)
