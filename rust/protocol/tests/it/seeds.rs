//! Inputs that random edits, and the fuzz targets, begin with.

pub(crate) const BODIES: [&str; 3] = [
    r#"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"a\n\"b\" \u00e9 é"}],"n":-1.5e3}"#,
    r#"{"stream_options":{"include_usage":false,"x":[]},"stream":true,"metadata":{"a":null},"mod\u0065l":"m","user":"u"}"#,
    r#" { "stream" : null , "stream_options" : null , "a" : [ [ { } , true ] ] } "#,
];
pub(crate) const STREAMS: [&str; 3] = [
    "\u{9}data: {\"a\":1}\r\n\r\n: ping\r\n\r\ndata: [DONE]\r\n\r\n",
    "\u{3}\u{feff}event: x\ndata: a\ndata: b\n\n\n\ndata\n\nid: 1\n\n",
    "\u{1}data: a\r\rdata:b\r\r\ndata: c\n\r\n",
];
pub(crate) const CHUNKS: [&str; 4] = [
    r#"{"id":"c","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}],"usage":null}"#,
    r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":1}}}"#,
    r#"{"error":{"message":"m","type":"t","code":429}}"#,
    r#"{"object":"error","message":{"detail":[{"msg":"m"}]}}"#,
];

/// Frames of AWS event streams: the length of the headers, those, and the payload.
pub(crate) const FRAMES: [&str; 3] = [
    "\u{3a}\u{b}:event-type\u{7}\0\u{11}contentBlockDelta\r:message-type\u{7}\0\u{5}event\u{2}ab\0{\"delta\":{\"text\":\"x\"}}",
    "\u{2a}\u{b}:event-type\u{7}\0\u{5}chunk\r:message-type\u{7}\0\u{5}event{\"bytes\":\"eyJ0eXBlIjoicGluZyJ9\"}",
    "\u{43}\u{f}:exception-type\u{7}\0\u{13}throttlingException\r:message-type\u{7}\0\u{9}exception\u{1}a\u{0}{\"message\":\"m\"}",
];

/// Requests, answers and streams of all dialects; the first byte, which chooses the pair, is put before them.
pub(crate) const DIALECTS: [&str; 17] = [
    r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"c","content":"r"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"required","reasoning_effort":"low","stop":["x"],"response_format":{"type":"json_object"}}"#,
    r#"{"id":"chatcmpl-1","choices":[{"index":0,"message":{"role":"assistant","content":"x","reasoning_content":"y","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
    r#"{"model":"m","max_tokens":9,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"g"},{"type":"tool_use","id":"c","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"r"}]}]}],"tools":[{"name":"f","input_schema":{"type":"object"}},{"type":"web_search_20250305","name":"web_search"}],"thinking":{"type":"enabled","budget_tokens":1024}}"#,
    r#"{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"g"},{"type":"text","text":"x"},{"type":"tool_use","id":"c","name":"f","input":{}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"cache_read_input_tokens":2,"output_tokens":3}}"#,
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":1}}}\n\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
    r#"{"contents":[{"role":"user","parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AA=="}}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"AA=="}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"r":1}}}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}}]},{"googleSearch":{}}],"generationConfig":{"thinkingConfig":{"thinkingBudget":9},"responseMimeType":"application/json"}}"#,
    r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"t","thought":true},{"text":"x"},{"functionCall":{"name":"f","args":{}}}]},"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["q"]}}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"thoughtsTokenCount":3}}"#,
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\r\n\r\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":1}}}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":1}}\r\n\r\n",
    r#"{"model":"m","instructions":"s","input":[{"role":"user","content":[{"type":"input_text","text":"a"}]},{"type":"reasoning","id":"r","summary":[],"encrypted_content":"e"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"r"}],"tools":[{"type":"function","name":"f","parameters":{}},{"type":"web_search"}],"reasoning":{"effort":"low"},"text":{"format":{"type":"json_object"}}}"#,
    r#"{"id":"resp_1","object":"response","status":"completed","output":[{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"t"}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"x","annotations":[]}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}],"usage":{"input_tokens":1,"output_tokens":2}}"#,
    "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"status\":\"in_progress\",\"output\":[]}}\n\ndata: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"function_call\",\"id\":\"i\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"\"}}\n\ndata: {\"type\":\"response.function_call_arguments.delta\",\"output_index\":0,\"item_id\":\"i\",\"delta\":\"{}\"}\n\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\",\"output\":[]}}\n\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"willContinue\":true}}]}}]}\n\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$.a['b'][0]\",\"stringValue\":\"x\",\"willContinue\":true}],\"willContinue\":true}}]}}]}\n\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$.a['b'][0]\",\"stringValue\":\"y\"},{\"jsonPath\":\"$.c\",\"numberValue\":1},{\"jsonPath\":\"$.d\",\"boolValue\":true}]}}]}}]}\n\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{}}]},\"finishReason\":\"STOP\"}]}\n\n",
    r#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"system","content":"s"},{"role":"assistant","content":"b"},{"role":"developer","content":"d"},{"role":"user","content":"c"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}}}"#,
    r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"t","signature":"g"}}},{"citationsContent":{"content":[{"text":"x"}],"citations":[{"title":"t","location":{"web":{"url":"u"}}}]}},{"toolUse":{"toolUseId":"c","name":"f","input":{"a":1}}},{"image":{"format":"png","source":{"bytes":"AA=="}}},{"novelty":{}}]}},"stopReason":"tool_use","usage":{"inputTokens":1,"outputTokens":2,"cacheWriteInputTokens":3,"cacheDetails":[{"ttl":"1h","inputTokens":2}]}}"#,
    "data: {\"messageStart\":{\"role\":\"assistant\"}}\n\ndata: {\"contentBlockDelta\":{\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":{\"text\":\"t\"}}}}\n\ndata: {\"contentBlockDelta\":{\"contentBlockIndex\":1,\"delta\":{\"text\":\"x\"}}}\n\ndata: {\"contentBlockStop\":{\"contentBlockIndex\":1}}\n\ndata: {\"contentBlockStart\":{\"contentBlockIndex\":2,\"start\":{\"toolUse\":{\"toolUseId\":\"c\",\"name\":\"f\"}}}}\n\ndata: {\"contentBlockDelta\":{\"contentBlockIndex\":2,\"delta\":{\"toolUse\":{\"input\":\"{}\"}}}}\n\ndata: {\"messageStop\":{\"stopReason\":\"tool_use\"}}\n\ndata: {\"metadata\":{\"usage\":{\"inputTokens\":1}}}\n\n",
    "data: {\"messageStart\":{\"role\":\"assistant\"}}\n\ndata: {\"contentBlockStart\":{\"contentBlockIndex\":0,\"start\":{\"toolUse\":{\"toolUseId\":\"c\",\"name\":\"f\",\"type\":\"server_tool_use\"}}}}\n\ndata: {\"contentBlockDelta\":{\"contentBlockIndex\":0,\"delta\":{\"toolUse\":{\"input\":\"{}\"}}}}\n\ndata: {\"contentBlockStop\":{\"contentBlockIndex\":0}}\n\ndata: {\"type\":\"error\",\"error\":{\"type\":\"throttlingException\",\"message\":\"m\"}}\n\n",
];

/// Forms whose boundary is `B`; the first byte says how they are cut.
pub(crate) const FORMS: [&str; 2] = [
    "\u{5}--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--B\r\ncontent-disposition: form-data; name=file; filename=\"a\\\"b\"\r\n\r\nx\r\n--\r\n--B--\r\n",
    "\u{2}preamble\r\n--B \t\r\nContent-Disposition: form-data; name=a; filename*=utf-8''b\r\nContent-Transfer-Encoding: binary\r\n\r\n\r\n--B--epilogue",
];
/// Requests and answers of embeddings and counts.
pub(crate) const ASIDE: [&str; 7] = [
    r#"{"model":"m","input":["a",""],"dimensions":3,"encoding_format":"base64"}"#,
    r#"{"model":"m","input":[[1,2],[3]]}"#,
    r#"{"requests":[{"model":"models/m","content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":3}]}"#,
    r#"{"data":[{"index":0,"embedding":[0.1,-2e-3]},{"index":1,"embedding":"AACAPwAAAEA="}],"model":"m","usage":{"prompt_tokens":1}}"#,
    r#"{"embeddings":[{"values":[0.1,2]}],"embedding":{"values":[1]}}"#,
    r#"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"a"}]}]},"contents":[{"parts":[{"text":"a"}]}]}"#,
    r#"{"totalTokens":3,"input_tokens":3,"model":"m","messages":[{"role":"user","content":"a"}],"system":"s"}"#,
];
