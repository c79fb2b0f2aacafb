"""The evidence model, its rules and its storage: works, studies, results, and where each number was reported."""
