# The warnings that every target of this project is built with. A warning is a failure: a clean build says nothing.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                    -Wimplicit-fallthrough -Werror
                    -Wno-missing-field-initializers)  # a designated initializer leaves the rest at its default on purpose
# GCC 12 reports these falsely from inlined std::string and std::variant code (GCC bugs 105329, 105593).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-array-bounds)
endif()
