import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['**/node_modules/**', '**/*.mjs', '**/*.json', 'relay/web/dist/**'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off', // noUncheckedIndexedAccess makes bounded indexing need it
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/unbound-method': 'off', // parts are object literals from factories: no method uses `this`
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/require-await': 'off', // a port's async method may have nothing to wait for
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'no-restricted-imports': ['error', { patterns: [{ group: ['**/test/**'], message: 'Nothing imports test.' }] }],
      eqeqeq: 'error',
      'no-console': 'error',
      'max-lines': ['error', { max: 320, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['shared/src/**'],
    rules: { 'no-restricted-globals': ['error', 'process', 'Buffer', 'setTimeout', 'setInterval'] },
  },
  {
    files: ['device-agent/src/**', 'relay/src/**'],
    ignores: ['**/main.ts', '**/kernel/clock.ts', '**/page/browser/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only main.ts reads the environment.' },
        { object: 'Date', property: 'now', message: 'Only kernel/clock.ts reads the clock.' },
        { object: 'Math', property: 'random', message: 'Randomness comes from shared randomBytes.' },
      ],
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval'],
    },
  },
  {
    files: ['test/**'],
    rules: {
      'no-restricted-imports': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      'max-lines': 'off',
    },
  },
  { files: ['infra/**', 'test/**'], rules: { 'no-console': 'off' } },
)
