// Everything of an experiment of one's own: grids of cells in worker processes, results, reports, recipes, the trainer,
// and the driver over all of it.
#pragma once

#include <canopy/canopy.hpp>
#include <canopy/experiments/cli/program.hpp>
#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/harness/fields.hpp>
#include <canopy/experiments/harness/product.hpp>
#include <canopy/experiments/training/cell_training.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>
#include <canopy/experiments/training/evaluate_checkpoint.hpp>
#include <canopy/experiments/training/inference_timing.hpp>
#include <canopy/experiments/training/supervised_task.hpp>
#include <canopy/experiments/training/trainer.hpp>
