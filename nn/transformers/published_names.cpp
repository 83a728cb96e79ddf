#include <canopy/nn/transformers/published_names.hpp>

namespace canopy::nn {

std::vector<Rename> bert_names() {
  return {{"bert.*", "*"},
          {"*.gamma", "*.weight"},  // norms in the oldest checkpoints
          {"*.beta", "*.bias"},
          {"embeddings.word_embeddings.*", "bert.embeddings.word.*"},
          {"embeddings.position_embeddings.*", "bert.embeddings.position.*"},
          {"embeddings.token_type_embeddings.*", "bert.embeddings.type.*"},
          {"embeddings.LayerNorm.*", "bert.embeddings.norm.*"},
          {"encoder.layer.*.attention.self.*", "bert.encoder.*.attention.*"},
          {"encoder.layer.*.attention.output.dense.*", "bert.encoder.*.attention.output.*"},
          {"encoder.layer.*.attention.output.LayerNorm.*", "bert.encoder.*.norm1.*"},
          {"encoder.layer.*.intermediate.dense.*", "bert.encoder.*.feedforward.0.*"},
          {"encoder.layer.*.output.dense.*", "bert.encoder.*.feedforward.2.*"},
          {"encoder.layer.*.output.LayerNorm.*", "bert.encoder.*.norm2.*"},
          {"cls.predictions.transform.dense.*", "head.dense.*"},
          {"cls.predictions.transform.LayerNorm.*", "head.norm.*"},
          {"cls.predictions.bias", "head.bias"},
          {"cls.seq_relationship.*", "next_sentence.*"}};
}

std::vector<Rename> crammed_bert_names() {
  return {{"encoder.embedding.word_embedding.*", "bert.embeddings.word.*"},
          {"encoder.embedding.pos_embedding.*", "bert.embeddings.position.*"},
          {"encoder.embedding.norm.*", "bert.embeddings.norm.*"},
          {"encoder.final_norm.*", "bert.encoder.norm.*"},
          {"encoder.layers.*.attn.dense.*", "bert.encoder.*.attention.output.*"},
          {"encoder.layers.*.attn.self_attention.*", "bert.encoder.*.attention.*"},
          {"encoder.layers.*.ffn.dense_in.*", "bert.encoder.*.feedforward.0.*"},
          {"encoder.layers.*.ffn.dense_out.*", "bert.encoder.*.feedforward.2.*"},
          {"encoder.layers.*.ffn.*", "bert.encoder.*.feedforward.*"},
          {"encoder.layers.*", "bert.encoder.*"},
          {"head.*", "classifier.*"}};
}

std::vector<Rename> vit_names() {
  return {{"blocks.*.attn.qkv.*", "encoder.*.attention.query_key_value.*"},
          {"blocks.*.attn.proj.*", "encoder.*.attention.output.*"},
          {"blocks.*.mlp.fc1.*", "encoder.*.feedforward.0.*"},
          {"blocks.*.mlp.fc2.*", "encoder.*.feedforward.2.*"},
          {"blocks.*.mlp.*", "encoder.*.feedforward.*"},
          {"blocks.*", "encoder.*"},
          {"norm.*", "encoder.norm.*"},
          {"patch_embed.proj.*", "patches.*"},
          {"cls_token", "class_token"},
          {"pos_embed", "positions"}};
}

}  // namespace canopy::nn
