// All functions of one device and precision. Included by run_on_cpu_*.cpp and cuda/run_on_cuda.cpp alone.
#pragma once

#include "run_conversion.hpp"
#include "run_description.hpp"
#include "run_functions.hpp"
#include "training_run.hpp"

template <class Backend, class Scalar>
run_functions training_functions() {
  return {.train = &training_run<Backend, Scalar>::train,
          .evaluate = &training_run<Backend, Scalar>::evaluate,
          .describe = &run_description<Backend, Scalar>::describe};
}
template <class Backend, class Scalar>
run_functions all_functions() {
  run_functions all = training_functions<Backend, Scalar>();
  all.convert = &run_conversion<Backend, Scalar>::convert;
  all.import_weights = &run_conversion<Backend, Scalar>::import_weights;
  all.image_of = &run_conversion<Backend, Scalar>::image_of;
  return all;
}
