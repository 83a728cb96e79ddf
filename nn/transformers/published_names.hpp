// What published checkpoints call the parts of transformers, as rules from their names to canopy's.
#pragma once

#include <vector>

#include <canopy/nn/checkpoints/weights.hpp>

namespace canopy::nn {

/// Hugging Face's BERT, with "bert." or without: to "bert" (a TokenModel with separate projections), "pooler" (a
/// Pooler), "head" (a MaskedTokenHead), "next_sentence" and "classifier" (Linear).
std::vector<Rename> bert_names();

/// Paper 2's released crammedBERT and its trees: to "bert" (a TokenModel with head-major projections and a final norm),
/// "pooler" and "classifier". The same rules lead back, from canopy's names to these, if each is turned round.
std::vector<Rename> crammed_bert_names();

/// A vision transformer as the package timm names its parts: to a ViT.
std::vector<Rename> vit_names();

}  // namespace canopy::nn
