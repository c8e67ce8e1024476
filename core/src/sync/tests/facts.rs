//! Single facts about the engine.
